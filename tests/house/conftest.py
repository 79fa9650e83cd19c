"""The tree as the house tests see it."""

import re

import pytest

CODE = ("include", "lib", "hub", "cli", "examples", "tests")
# Comments and literals, which may say what code may not do.
TALK = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


class Tree:
    def __init__(self, top):
        self.top = top

    def files(self, *folders, ends=(".c", ".h")):
        """The files of some folders (all code when none is named), as paths from the top."""
        for folder in folders or CODE:
            for path in sorted((self.top / folder).rglob("*")):
                if path.is_file() and path.name.endswith(ends):
                    yield path.relative_to(self.top)

    def text(self, path):
        return (self.top / path).read_text()

    def code(self, path):
        """A C file without comments and literals, with its lines where they were."""

        def blank(found):
            kept = '""' if found[0].startswith('"') else " "
            return kept + "\n" * found[0].count("\n")

        return TALK.sub(blank, self.text(path))

    def includes(self, path):
        """The headers that a C file names, without brackets or quotes."""
        return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', self.text(path), re.MULTILINE)


@pytest.fixture(scope="session")
def tree(top):
    return Tree(top)
