"""What the guide shows compiles, and what it points to exists."""

import _socket
import re
import socket
import socketserver
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


def rows(page):
    """The rows of a page's tables, as lists of their cells, without the heads."""
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) >= 2 and cells[0] not in ("Python", "idea") and not set(cells[0]) <= set("-"):
            yield cells


VALUES = {"PIER_S", "PIER_ENONAME", "PIER_ENAMETEMP", "PIER_ENAMEFAIL", "PIER_ETRUNCATED", "PIER_EVERIFY"}
NAME = re.compile(r"\b(?:pier|PIER)_\w+")


def test_each_name_in_the_guide_is_public(top):
    headers = "".join(p.read_text() for p in (top / "include").rglob("*.h"))
    public = set(NAME.findall(headers))
    for page in pages(top):
        if page.name == "debugging.md":
            continue  # it speaks of gdb's commands and of metrics too
        text = page.read_text()
        for found in NAME.finditer(text):
            name, rest = found[0], text[found.end() :]
            known = any(p.startswith(name) for p in public) if rest.startswith("…") else name in public
            assert known, f"{page}: {name} is in no public header"
        for option in re.findall(r"`\.(\w+)[ `]", text):
            assert re.search(rf"\b{option}\b", headers), f"{page}: .{option} is in no public header"


def test_each_row_from_python_leads_to_a_program_that_does_it(top):
    page = top / "docs/guide/python-to-pier.md"
    for cells in rows(page):
        if len(cells) < 3:
            continue  # how things behave
        ours, example = cells[1], cells[2]
        if not example:
            assert ours.startswith("none: "), f"{cells[0]}: neither a program nor a reason"
            continue
        links = re.findall(r"\]\(([^)#]+)\)", example)
        code = "".join((page.parent / link).read_text() for link in links)
        wanted = {name for name in NAME.findall(ours) if f"{name}…" not in ours and name not in VALUES}
        missing = {name for name in wanted if not re.search(rf"\b{name}\b", code)}
        assert links and not missing, f"{cells[0]}: {example} has no {missing}"


def test_nothing_of_python_s_socket_modules_is_left_out(top):
    text = (top / "docs/guide/python-to-pier.md").read_text()
    said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))
    groups = {word[:-1] for word in said if word.endswith("_")}
    public = {name for name in dir(socket) if not name.startswith("_")} - {"os", "sys", "io", "selectors", "array", "errno"}
    public |= {name for name in vars(_socket.socket) if not name.startswith("_")}
    for kind in vars(socketserver).values():
        if isinstance(kind, type) and kind.__module__ == "socketserver" and kind.__name__[0] != "_":
            public |= {kind.__name__} | {name for name in vars(kind) if not name.startswith("_")}
    public -= {"IntEnum", "IntFlag"}  # enum's
    left_out = {name for name in public - said if name.split("_")[0] not in groups}
    assert not left_out, sorted(left_out)


def lines(path):
    """Its lines that are neither blank, nor comment, nor a lone brace."""
    code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    return sum(line.strip() not in ("", "{", "}", "};") for line in code.splitlines())


def test_every_example_is_in_its_table_once_with_its_length(top):
    page = top / "examples/README.md"
    told = [(cells[2], cells[3]) for cells in rows(page) if "](" in cells[2]]
    links = [re.search(r"\]\(([^)]+)\)", example)[1] for example, _ in told]
    assert sorted(link for link in links if "/" not in link) == sorted(p.name for p in (top / "examples").glob("*.c"))
    for link, (_, length) in zip(links, told):
        ours, _, python = length.partition(" : ")
        assert int(ours) == lines(page.parent / link), f"{link} has {lines(page.parent / link)} lines"
        assert not python or int(python) > 0
