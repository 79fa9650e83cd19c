"""The harness says "not ok" of each promise that harness_sample.c breaks, and says why."""

import re
import subprocess

WHY = {
    "condition": r"harness_sample.c:\d+: 1 > 2",
    "numbers": r"harness_sample.c:\d+: -1 == sizeof\(char\): -1, not 1",
    "strings": r'"a" is NULL: "a", not "\(null\)"',
    "bytes": r'2 bytes "ab", not 3 "abc"',
    "error": r"-5007, cut off for reading too slowly",
    "descriptor_left_open": r"descriptors: (\d+) before, (\d+) after",
    "crash": r"Segmentation fault|SEGV",
    "endless_and_deaf": r"not done within \d+ s",
}


def run(build, *words):
    done = subprocess.run([build / "tests/house/harness_sample", *words], capture_output=True, text=True)
    return done.returncode, re.split(r"^(?=(?:not )?ok )", done.stdout, flags=re.MULTILINE)


def test_a_broken_promise_is_reported_with_its_reason(build):
    status, (plan, *cases) = run(build)
    assert status == 1 and plan.endswith("1..10\n")
    names = [re.match(r"(not )?ok \d+ - (\w+)", case).groups() for case in cases]
    assert [name for broken, name in names if broken] == list(WHY)
    for (broken, name), case in zip(names, cases):
        assert not broken or re.search(WHY[name], case)


def test_words_choose_tests(build):
    status, (plan, *cases) = run(build, "kept")
    assert status == 0 and [case.split()[-1] for case in cases] == ["kept", "kept_after_all_that"]
