"""What every test in Python has: the build under test, a deadline, and ports that are free."""

import json
import os
import pathlib
import random
import signal
import socket

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("PIER_BUILD", TOP / "build")).resolve()
WITHIN = 30


def sanitizers():
    options = BUILD / "meson-info" / "intro-buildoptions.json"
    if not options.exists():
        return "none"
    return next(o["value"] for o in json.loads(options.read_text()) if o["name"] == "b_sanitize")


SLOWER = 1 if sanitizers() == "none" else 4


@pytest.fixture(scope="session")
def top():
    """The root of the source tree."""
    return TOP


@pytest.fixture(scope="session")
def build():
    """The build folder under test: PIER_BUILD, or build/."""
    if not (BUILD / "build.ninja").exists():
        pytest.fail(f"{BUILD} is not built; run: ./dev build")
    return BUILD


@pytest.fixture(scope="session")
def bound():
    """bound(seconds): a measured time that must not be exceeded, wider where a sanitizer slows the program."""
    return lambda seconds: seconds * SLOWER


@pytest.fixture
def free_port():
    """Calls give TCP ports of 127.0.0.1 that nobody listens on, from below those that the kernel gives to clients."""

    def take():
        while True:
            port = random.randrange(10000, 32768)
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    pass  # in use

    return take


def deadline(item):
    """Around each part of a test: set-up, call, tear-down. Ends it wherever it waits."""
    mark = item.get_closest_marker("within")
    seconds = (mark.args[0] if mark else WITHIN) * SLOWER

    def late(*_):
        pytest.fail(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    yield from deadline(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from deadline(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    yield from deadline(item)
