"""What the binaries export is what the headers promise."""

import re
import subprocess


def defined(*args):
    lines = subprocess.run(["nm", "-g", "--defined-only", *args], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^[0-9a-f]+ [A-Z] (\w+)", lines, re.MULTILINE))


def promised(tree):
    names = set()
    for path in tree.files("include"):
        for declaration in re.findall(r"PIER_API\b([^;{]*)[;{]", tree.code(path)):
            if "define" not in declaration:
                names.add(re.search(r"\b(pier_\w+)\s*\(", declaration)[1])
    return names


def test_the_shared_library_exports_what_the_headers_declare(tree, build):
    exported, declared = defined("-D", build / "lib" / "libpier.so"), promised(tree)
    assert not exported ^ declared, f"not declared: {exported - declared}, not there: {declared - exported}"


def test_names_of_the_archive_start_with_pier(build):
    # Hidden visibility protects a shared library's users; an archive's names are all in its user's program.
    names = defined(build / "lib" / "libpier.a")
    assert [n for n in names if not n.startswith(("pier_", "__odr_asan"))] == []
