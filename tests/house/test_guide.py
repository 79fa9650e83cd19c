"""What the guide shows compiles, and what it points to exists."""

import re
import subprocess

import pytest


def pages(top):
    return sorted((top / "docs/guide").glob("*.md"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_piece_of_c_compiles(top, tmp_path, compiler):
    pieces = [c for page in pages(top) for c in re.findall(r"```c\n(.*?)```", page.read_text(), re.S)]
    assert pieces
    for i, piece in enumerate(pieces):
        file = tmp_path / f"piece{i}.c"
        file.write_text("#include <pier.h>\n" + piece.replace("…", ""))
        flags = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{top / 'include'}"]
        subprocess.run([compiler, *flags, file], check=True)


def test_every_link_leads_somewhere(top):
    for page in (*pages(top), top / "examples/README.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page}: {link}"
