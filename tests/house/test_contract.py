"""The contract programs: no version of the library may ask that they change."""

import subprocess

import pytest


def test_the_programs_are_what_they_were(tree):
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tree.top / "tests" / "contract", check=True)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_programs_compile_without_a_warning(tree, compiler):
    for path in tree.files("tests/contract", ends=".c"):
        if all((tree.top / "include" / name).exists() for name in tree.includes(path) if name.startswith("pier")):
            command = [compiler, "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Iinclude", path]
            subprocess.run(command, cwd=tree.top, check=True)
