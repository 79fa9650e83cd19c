"""Who may include whom; docs/architecture.md tells it in words."""

import fnmatch
import pathlib

# What each floor of lib/ may include, besides itself and libc. A public header counts as its floor's.
MAY = {
    "base": [],
    "io": ["base/*"],
    "fiber": ["base/*", "io/op.h", "io/backend.h"],
    "net": ["base/*", "fiber/*", "io/op.h", "io/backend.h", "io/socket.h", "io/direct.h", "io/question.h", "io/interface.h"],
    "server": ["base/*", "fiber/*", "net/*", "io/op.h", "io/socket.h"],
    "sim": ["base/*", "io/*", "fiber/*"],
    "proto": ["base/*", "fiber/*", "net/*", "proto/*"],  # another protocol by its public header
}
# Headers of values (types, words, pure functions) are base's; of the rest, the lowest floor that implements it.
FLOOR = {"fiber": "fiber", "offload": "fiber", "stats": "fiber", "conn": "net", "sock": "net", "sockopt": "net", "server": "net", "topic": "net", "http": "proto", "tls": "net", "digest": "net", "sim": "sim"}
PURE = {"codec.c", "state.c"}  # of a protocol: no waiting, no I/O


def may(path, header):
    """True when a file of lib/ may include a header of ours, both as paths below lib/."""
    if path.parts[0] == "proto":
        if header.parent == path.parent or header.as_posix() == f"proto/{path.parts[1]}.h":
            return True
    elif header.parts[0] == path.parts[0]:
        return True
    if path.parts[0] == "proto" and path.name in PURE:
        return header.match("base/*")
    return any(fnmatch.fnmatch(header.as_posix(), pattern) for pattern in MAY[path.parts[0]])


def test_a_floor_of_the_library_stands_on_those_below(tree):
    wrong = []
    for path in tree.files("lib"):
        for name in tree.includes(path):
            header = pathlib.PurePath(name)
            if header.parent.name == "pier":
                header = pathlib.PurePath(FLOOR.get(header.stem, "base"), header.name)
            elif (tree.top / path.parent / header).exists():
                header = path.relative_to("lib").parent / header
            elif not (tree.top / "lib" / header).exists() and name != "pier.h":
                continue  # libc's
            if not may(path.relative_to("lib"), header):
                wrong.append(f"{path} includes {name}")
    assert not wrong, "\n".join(wrong)


def test_the_program_is_a_customer_of_the_library(tree):
    wrong = []
    for path in tree.files("hub", "cli", "examples"):
        for name in tree.includes(path):
            inside = (tree.top / "lib" / name).exists() and not (tree.top / path.parent / name).exists()
            if inside or ("hub" in path.parts and name.startswith("cli/")):
                wrong.append(f"{path} includes {name}")
    assert not wrong, "\n".join(wrong)
