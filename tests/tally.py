"""Counts test cases: tally.py TESTLOG.json… PYTEST.xml…. Shows what failed; the last line is "N passed, N failed"."""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree

CASE = re.compile(r"(not )?ok\b *\d*(?: - )?([^#]*)(?:# *(SKIP.*))?", re.IGNORECASE)


def meson(path):
    """Yields (name, verdict, output) for each TAP case; a program that broke off is one more that failed."""
    for line in path.read_text(errors="replace").splitlines():
        program = json.loads(line)
        name, text, failed = program["name"].rpartition(" / ")[2], program.get("stdout", ""), False
        for case in re.split(r"^(?=(?:not )?ok\b)", text, flags=re.MULTILINE)[1:]:
            broken, title, skipped = CASE.match(case).groups()
            failed |= bool(broken)
            yield f"{name}: {title.strip()}", "failed" if broken else "skipped" if skipped else "passed", case
        if program["result"] in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT") and not failed:
            yield f"{name}: {program['result']}", "failed", text[-4096:] + program.get("stderr", "")[-65536:]


def pytest(path):
    """The same for pytest, which has shown the output of its failures already."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        tags = {e.tag for e in case}
        yield name, "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed", ""


def place(path):
    """The build folder, unless it is build/, and the backend if it was chosen."""
    folder = path.parent if path.suffix == ".xml" else path.parent.parent
    words = [folder.name] * (folder.name != "build") + ["epoll"] * path.stem.endswith("-epoll")
    return f" ({', '.join(words)})" if words else ""


def cases(paths):
    for path in map(pathlib.Path, paths):
        if path.exists():
            where = place(path)
            for name, verdict, output in (pytest if path.suffix == ".xml" else meson)(path):
                yield f"{name}{where}", verdict, output
        else:
            yield str(path), "failed", "the run broke off before it wrote this file"


def main(paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, verdict, output in cases(paths):
        counts[verdict] += 1
        if verdict != "passed":
            print(f"{verdict.upper()} {name}")
        if output and verdict == "failed":
            print("    " + output.strip().replace("\n", "\n    "))
    if not any(counts.values()):
        print("no test is called that; they are in: meson test -C build --list, and tests/*/test_*.py")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return counts["failed"] > 0 or not any(counts.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
