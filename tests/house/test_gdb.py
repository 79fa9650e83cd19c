"""The gdb script finds the fibers of a program that stands still in a debugger."""

import re
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def stopped(top, build):
    """What `pier fibers` prints while a test that has a sleeping and a receiving fiber calls pier_dump."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    program = build / "tests" / "unit" / "dump_test"
    names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    if re.search(r"__[at]san_init", names):
        pytest.skip("sanitizers and debuggers do not mix")
    steps = [
        "set breakpoint pending on",
        "set follow-fork-mode child",
        f"source {top / 'tools' / 'gdb_pier.py'}",
        "break pier_dump",
        "run",
        "pier fibers",
        "backtrace",
        "pier fibers 0.2",
        "pier fibers 0.99",
        "kill",
    ]
    command = ["gdb", "-q", "-batch", "-nx"] + [word for step in steps for word in ("-ex", step)]
    done = subprocess.run(command + ["--args", program, "each_fiber"], capture_output=True, text=True, timeout=60)
    if "Breakpoint 1, " not in done.stdout:
        pytest.skip("gdb may not trace here: " + done.stderr.strip()[-200:])
    return done.stdout + done.stderr


def test_fibers_are_listed_with_what_they_wait_for(stopped):
    assert "fiber 0.0 in run_main is running\n" in stopped
    assert re.search(r"^fiber 0\.1 in recv_within waits for input, for 0\.\d+ s, at most 49\.\d+ s$", stopped, re.M)
    assert len(re.findall(r"^fiber 0\.2 in sleep_long waits for time", stopped, re.M)) == 2


def test_a_parked_fiber_has_its_backtrace_to_the_first_frame(stopped):
    # Inlining decides what stands between these.
    assert re.search(r"^fiber 0\.1 (?:.*\n)*?#\d+ .* in recv_within .*\n(?:#.*\n)*#\d+ .* in pier_switch_entry", stopped, re.M)


def test_the_thread_is_where_it_was(stopped):
    assert re.search(r"^#0  pier_dump .*\n(?:#.*\n)*#\d+ .* in run_main", stopped, re.M)


def test_a_fiber_that_is_not_there_is_an_error(stopped):
    assert "there is no fiber 0.99" in stopped
