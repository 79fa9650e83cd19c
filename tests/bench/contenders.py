"""Who runs: how each contender is built and started, and what it can do."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PYTHON = "/usr/bin/python3"  # Debian's own: another one first in PATH would be another contender
C = ["-O2", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", f"-I{TOP / 'include'}"]
TLS = "-lssl -lcrypto"
CXX = ["-O2", "-std=c++17", "-Wall", "-Wextra"]


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    source: str  # below this folder
    modes: str  # what it can do: the modes of the loads
    package: str = ""  # of Debian, that it is built on
    libraries: str = ""
    io: str = ""  # PIER_IO
    bare: bool = False  # a limit, which the others are compared with

    @property
    def key(self):
        """The name as the command line takes it: pier-epoll."""
        return self.name.lower().replace(",", "").replace(" ", "-").replace(".", "-")

    @property
    def env(self):
        return dict(os.environ, **({"PIER_IO": self.io} if self.io else {}))

    def command(self, build):
        return [PYTHON, str(HERE / self.source)] if self.source.endswith(".py") else [str(program(self.source, build))]


CONTENDERS = [
    Contender("bare epoll", "peers/bare_epoll.c", "echo lines idle stream", bare=True),
    Contender("bare io_uring", "peers/bare_uring.c", "echo idle stream", bare=True),
    Contender("bare room", "peers/bare_fanout.c", "fanout", bare=True),
    Contender("bare recvmmsg", "peers/bare_udp.c", "udp", bare=True),
    Contender("bare OpenSSL", "peers/tls_epoll.c", "tls", package="libssl-dev", libraries=TLS, bare=True),
    Contender("pier TLS, epoll", "peers/pier_tls.c", "tls", package="libssl-dev", io="epoll"),
    Contender("pier TLS, io_uring", "peers/pier_tls.c", "tls", package="libssl-dev", io="uring"),
    Contender("Go crypto/tls", "peers/tls_go.go", "tls", package="golang-go"),
    Contender("Python asyncio ssl", "peers/tls_aio.py", "tls", package="python3"),
    Contender("pier epoll", "peers/pier.c", "echo lines idle stream fanout udp", io="epoll"),
    Contender("pier io_uring", "peers/pier.c", "echo lines idle stream fanout udp", io="uring"),
    Contender("pier epoll, quiet", "peers/pier_quiet.c", "echo idle", io="epoll"),
    Contender("pier io_uring, quiet", "peers/pier_quiet.c", "echo idle", io="uring"),
    Contender("libuv", "peers/libuv.c", "echo idle stream fanout udp", package="libuv1-dev", libraries="-luv"),
    Contender("libevent", "peers/libevent.c", "echo idle stream", package="libevent-dev", libraries="-levent"),
    Contender("State Threads", "peers/state_threads.c", "echo idle stream udp", package="libst-dev", libraries="-lst"),
    Contender("Boost.Asio", "peers/asio.cpp", "echo idle stream udp", package="libboost-dev"),
    Contender("Go", "peers/go.go", "echo idle stream fanout udp", package="golang-go"),
    Contender("Python threads", "peers/threads.py", "echo idle stream udp", package="python3"),
    Contender("Python asyncio", "peers/aio.py", "echo idle stream fanout udp", package="python3"),
    Contender("pier fibers, epoll", "micro/pier.c", "micro", io="epoll"),
    Contender("pier fibers, io_uring", "micro/pier.c", "micro", io="uring"),
    Contender("libc threads", "micro/libc.c", "micro"),
    Contender("st threads", "micro/state_threads.c", "micro", package="libst-dev", libraries="-lst"),
    Contender("goroutines", "micro/go.go", "micro", package="golang-go"),
    Contender("pier_sock, epoll", "micro/pier_calls.c", "calls", io="epoll"),
    Contender("pier_sock, io_uring", "micro/pier_calls.c", "calls", io="uring"),
    Contender("Python socket", "micro/calls.py", "calls", package="python3"),
    Contender("pier sim", "micro/pier_sim.c", "sim"),
]


def program(source, build):
    path = pathlib.Path(source)
    return build / "bench" / f"{path.stem}_{path.parent.name}"


def command_to_compile(source, libraries, build):
    out = ["-o", str(program(source, build))]
    if source.endswith(".go"):
        return ["go", "build", *out, str(HERE / source)]
    if source.endswith(".cpp"):
        return ["g++", *CXX, *out, str(HERE / source), *libraries.split(), "-pthread"]
    sources = sorted(map(str, (HERE / source).glob("*.c"))) if source == "load" else [str(HERE / source)]
    ours = [str(build / "lib" / "libpier.a"), *TLS.split()] if "pier" in source else []
    return [os.environ.get("CC", "gcc"), *C, *out, *sources, *ours, *libraries.split(), "-pthread"]


def compiled(source, build, libraries=""):
    """Compiles a program, unless it is newer than what it is made of. Returns None, or why it could not be."""
    if source.endswith(".py"):
        return None if os.path.exists(PYTHON) else f"there is no {PYTHON}"
    out, command = program(source, build), command_to_compile(source, libraries, build)
    if not shutil.which(command[0]):
        return f"{command[0]} is not installed"
    folder = HERE / source if source == "load" else (HERE / source).parent
    parts = [HERE / source, *folder.glob("*.[ch]"), *([build / "lib" / "libpier.a"] if "pier" in source else [])]
    if out.exists() and all(part.stat().st_mtime < out.stat().st_mtime for part in parts):
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, GO111MODULE="off"))
    return None if result.returncode == 0 else reason(result.stderr) or f"{command[0]} failed"


def reason(text):
    """The line that says what is wrong: the first with "error", else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "rror:" in line), lines[-1] if lines else "")
