"""Counts test cases: tally.py TESTLOG.json… PYTEST.xml…. Shows what failed; the last line is "N passed, N failed"."""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree

SEEDS = re.compile(r"sim: (\d+) seeds")
CASE = re.compile(r"(not )?ok\b *\d*(?: - )?([^#]*)(?:# *(SKIP.*))?", re.IGNORECASE)


def meson(path):
    """Yields (name, verdict, output) for each TAP case; a program without any is one itself, and one that broke off is
    one more that failed."""
    for line in path.read_text(errors="replace").splitlines():
        program = json.loads(line)
        name, text, failed = program["name"].rpartition(" / ")[2], program.get("stdout", ""), False
        said = re.split(r"^(?=(?:not )?ok\b)", text, flags=re.MULTILINE)[1:]
        for case in said:
            broken, title, skipped = CASE.match(case).groups()
            failed |= bool(broken)
            yield f"{name}: {title.strip()}", "failed" if broken else "skipped" if skipped else "passed", case
        if program["result"] in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT") and not failed:
            yield f"{name}: {program['result']}", "failed", text[-4096:] + program.get("stderr", "")[-65536:]
        elif not said:
            yield name, "skipped" if program["result"] == "SKIP" else "passed", program.get("stderr", "")


def pytest(path):
    """The same for pytest, which has shown the output of its failures already."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        tags = {e.tag for e in case}
        yield name, "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed", ""


def place(path):
    """The build folder, unless it is build/, and of which run there if it is not the first: testlog-epoll, testlog-sim."""
    folder = path.parent if path.suffix == ".xml" else path.parent.parent
    run = path.stem.partition("-")[2]
    words = [folder.name] * (folder.name != "build") + [run] * bool(run)
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
        elif seeds := SEEDS.findall(output):
            print(f"{sum(map(int, seeds)):9,} seeds  {name}")
    if not any(counts.values()):
        print("no test is called that; they are in: meson test -C build --list, and tests/*/test_*.py")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return counts["failed"] > 0 or not any(counts.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
