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
    code = re.sub(r"/\*.*?\*/" if path.suffix == ".c" else r"(?m)^#.*$", "", path.read_text(), flags=re.S if path.suffix == ".c" else 0)
    return sum(line.strip() not in ("", "{", "}", "};") for line in code.splitlines())


# Longer than their Python; the README says why.
LONGER = {"handshake", "pool"}


@pytest.fixture(scope="module")
def table(top):
    """The rows of the examples' table: what each is in Python, its file, its lines, and its Python's file or None."""
    page = top / "examples/README.md"
    found = []
    for cells in rows(page):
        if len(cells) == 5:
            link = re.search(r"\]\(([^)]+)\)", cells[2])[1]
            python = re.search(r"\]\(([^)]+)\)", cells[3])
            found.append((cells[1], page.parent / link, cells[3], python and page.parent / python[1]))
    return found


def test_every_example_is_in_its_table_once(top, table):
    ours = sorted(file.name for _, file, _, _ in table if file.parent.name == "examples")
    assert ours == sorted(p.name for p in (top / "examples").glob("*.c"))
    assert sorted(python.name for *_, python in table if python) == sorted(p.name for p in (top / "examples/python").glob("*.py"))


def test_no_example_is_longer_than_its_python(table):
    longer = set()
    for _, file, length, python in table:
        told = [int(n) for n in re.findall(r"\d+", re.sub(r"\]\([^)]*\)", "]", length))]
        counted = [lines(file), *([lines(python)] if python else [])]
        assert told == counted, f"{file.name}: {counted} lines, not {told}"
        longer |= {file.stem} if python and counted[0] > counted[1] else set()
    assert longer == LONGER
    reasons = (table[0][1].parent / "README.md").read_text().partition("| idea |")[0]
    assert all(f"[{name}.c]({name}.c)" in reasons for name in longer)


def test_each_python_names_its_example_and_each_example_what_it_mirrors(table):
    for calls, file, _, python in table:
        there = python.read_text() if python else ""
        assert not python or re.match(rf"# Beside \S*/{file.name}: ", there), f"{python} does not name {file.name}"
        comments = " ".join(re.findall(r"/\*.*?\*/", file.read_text(), re.S))
        for call in re.findall(r"`([^`]+)`", calls):
            for name in re.findall(r"(\w+)\(", call) or re.findall(r"\w+", call)[-1:]:
                # The contract programs are as they are.
                assert file.parent.name == "contract" or name in comments, f"{file.name} does not name {name}"
                assert not python or name in there, f"{python.name} has no {name}"
