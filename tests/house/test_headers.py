"""Each public header compiles alone, in C and C++, on both compilers."""

import subprocess

import pytest

C = ["-std=gnu17", "-Wstrict-prototypes", "-xc"]
CXX = ["-std=gnu++17", "-xc++"]
COMPILERS = [["gcc", *C], ["clang", *C], ["g++", *CXX], ["clang++", *CXX]]


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: c[0])
def test_every_header_compiles_alone(tree, compiler):
    flags = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only", "-I", tree.top / "include"]
    for path in tree.files("include"):
        lone = f"#include <{path.relative_to('include')}>\n"
        subprocess.run([*compiler, *flags, "-"], input=lone, text=True, check=True)


def test_pier_h_brings_all_of_them(tree):
    brought = set(tree.includes("include/pier.h"))
    assert {f"pier/{p.name}" for p in tree.files("include/pier")} - brought <= {"pier/api.h"}
