"""What `meson install` puts down is enough for a stranger's program."""

import os
import re
import shutil
import subprocess

import pytest

PROGRAM = r"""
#include <pier.h>

int main(void)
{
	puts(pier_strerror(-PIER_ENONAME));
	return 0;
}
"""

SCENARIO = r"""
#include <pier.h>
#include <pier/sim.h>
#include <time.h>
#include <unistd.h>

static int node(void)
{
	sleep(3600);
	return 0;
}

static int scenario(pier_sim *s)
{
	time_t before = time(NULL);
	pier_sim_node(s, "sleeper", node);
	pier_sleep(PIER_S(4000));
	return pier_sim_check(s, time(NULL) - before >= 4000);
}

int main(void)
{
	return pier_sim_run(scenario, .seeds = 4);
}
"""


def installed(build, root):
    """The environment in which pkg-config finds what was installed below root."""
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root], check=True)
    pc = next(root.rglob("pier.pc"))
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    env["LD_LIBRARY_PATH"] = str(next(root.rglob("libpier.so")).parent)
    return env


def flags_of(env, *asked):
    asked = ["pkg-config", "--cflags", "--libs", *asked]
    return subprocess.run(asked, env=env, capture_output=True, text=True, check=True).stdout.split()


def test_an_outside_program_builds_by_pkg_config(build, tmp_path):
    env = installed(build, tmp_path / "root")
    (tmp_path / "hello.c").write_text(PROGRAM)
    for way in ([], ["--static"]):
        flags = flags_of(env, *way, "pier")
        kind = ["-Wl,-Bstatic", *flags, "-Wl,-Bdynamic"] if way else flags
        subprocess.run(["gcc", "hello.c", *kind, "-o", "hello"], cwd=tmp_path, check=True)
        said = subprocess.run(["./hello"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        assert said.stdout == "name not found\n"


def test_an_outside_scenario_builds_by_pkg_config(build, tmp_path):
    env = installed(build, tmp_path / "root")
    (tmp_path / "scenario.c").write_text(SCENARIO)
    subprocess.run(["gcc", "scenario.c", *flags_of(env, "pier-sim"), "-o", "scenario"], cwd=tmp_path, check=True)
    subprocess.run(["./scenario"], cwd=tmp_path, env=env, check=True, timeout=60)


def block(page, language):
    return re.search(rf"```{language}\n(.*?)```", page.read_text(), re.S)[1]


@pytest.mark.within(120)
def test_the_fifteen_lines_of_the_guide_test_a_server(build, top, tmp_path):
    """docs/simulation.md, typed in as it stands: it finds nothing in the example, and something in one that is wrong."""
    page, env = top / "docs/simulation.md", installed(build, tmp_path / "root")
    lines, commands = block(page, "c"), block(page, "sh").splitlines()
    assert len(lines.splitlines()) <= 15
    (tmp_path / "scenario.c").write_text(lines)
    server = tmp_path / "chat_server.c"
    shutil.copy(top / "examples/chat_server.c", server)
    for command in commands:
        subprocess.run(command, cwd=tmp_path, env=env, shell=True, check=True, timeout=60)

    server.write_text(re.sub(r'(?m)^.*"%s: %s.n".*$', ";", server.read_text()))
    for command in commands[:-1]:
        subprocess.run(command, cwd=tmp_path, env=env, shell=True, check=True)
    found = subprocess.run(commands[-1], cwd=tmp_path, env=env, shell=True, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1
    assert re.search(r"sim: seed \d+ failed.*; to see it again: PIER_SIM_SEED=\d+ PIER_SIM_TRACE=1 ./scenario", found.stderr)
