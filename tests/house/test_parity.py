"""docs/parity.md: every test method of CPython's has an answer, and every test it names is there."""

import re

# Test methods in CPython 3.13's test_socket.py and test_socketserver.py: those with a body, and seven that
# their classes have by an assignment.
METHODS = {"test_socket.py": 341, "test_socketserver.py": 27}
ROW = re.compile(r"^\| (test\w*) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
C_TEST = re.compile(r"^(?:TEST|ON_FIBER|ON_BOTH|ON_\w+|TEST_\w+)\w*\((?:\d+, *)?(\w+)\)", re.MULTILINE)
PY_TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def ours(tree):
    names = set()
    for path in tree.files("tests/unit", ends=(".c",)):
        names |= set(C_TEST.findall(tree.text(path)))
    for path in tree.files("tests/e2e", ends=(".py",)):
        names |= set(PY_TEST.findall(tree.text(path)))
    return names


def rows(tree):
    page = tree.text("docs/parity.md")
    for part in page.split("\n## ")[1:]:
        for row in ROW.findall(part):
            yield part.splitlines()[0], *row


def test_every_method_of_pythons_tests_is_answered(tree):
    count = dict.fromkeys(METHODS, 0)
    for file, *_ in rows(tree):
        count[file] += 1
    assert count == METHODS


def test_every_test_that_the_page_names_exists(tree):
    known, wrong = ours(tree), []
    for _, method, tests, note in rows(tree):
        if tests == "—" and not note.strip():
            wrong.append(f"{method}: neither a test nor a reason")
        for name in [] if tests == "—" else re.split(r", *", tests.replace("`", "")):
            if name not in known:
                wrong.append(f"{method}: there is no test {name}")
    assert not wrong, "\n".join(wrong)
