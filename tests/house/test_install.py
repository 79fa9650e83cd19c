"""What `meson install` puts down is enough for a stranger's program."""

import os
import subprocess

PROGRAM = r"""
#include <pier.h>

int main(void)
{
	puts(pier_strerror(-PIER_ENONAME));
	return 0;
}
"""


def test_an_outside_program_builds_by_pkg_config(build, tmp_path):
    root = tmp_path / "root"
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root], check=True)
    pc = next(root.rglob("pier.pc"))
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    env["LD_LIBRARY_PATH"] = str(next(root.rglob("libpier.so")).parent)
    (tmp_path / "hello.c").write_text(PROGRAM)
    for way in ([], ["--static"]):
        asked = ["pkg-config", "--cflags", "--libs", *way, "pier"]
        flags = subprocess.run(asked, env=env, capture_output=True, text=True, check=True).stdout.split()
        kind = ["-Wl,-Bstatic", *flags, "-Wl,-Bdynamic"] if way else flags
        subprocess.run(["gcc", "hello.c", *kind, "-o", "hello"], cwd=tmp_path, check=True)
        said = subprocess.run(["./hello"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        assert said.stdout == "name not found\n"
