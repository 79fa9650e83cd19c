"""Who may include whom, and who may ask the kernel: docs/architecture.md tells it in words."""

import pathlib
import re
import subprocess

# What each floor of lib/ may include, besides itself and libc. A public header counts as its floor's.
MAY = {
    "base": [],
    "io": ["base/*"],
    "fiber": ["base/*", "io/op.h", "io/backend.h"],
    "net": ["base/*", "fiber/*", "io/op.h", "io/backend.h", "io/socket.h", "io/interface.h"],
    "server": ["base/*", "fiber/*", "net/*"],
    "proto": ["base/*", "fiber/*", "net/*", "proto/*"],  # another protocol by its public header
}
# Headers of values (types, words, pure functions) are base's; of the rest, the lowest floor that implements it.
FLOOR = {"fiber": "fiber", "offload": "fiber", "conn": "net", "server": "net", "topic": "net", "http": "proto"}
PURE = {"codec.c", "state.c"}  # of a protocol: no waiting, no I/O

# What lib/io alone may call: sockets, files, clocks, chance, signals, name look-ups.
KERNEL = set("""socket socketpair bind listen connect accept accept4 shutdown getsockname getpeername getsockopt
    setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg read readv pread pread64 write writev pwrite
    pwrite64 sendfile sendfile64 splice open open64 openat openat64 close dup dup2 dup3 pipe pipe2 fcntl fcntl64 ioctl
    fsync fdatasync rename renameat unlink unlinkat mkdir mkdirat stat fstat lstat fstatat opendir readdir readdir64
    fopen fopen64 fdopen poll ppoll select epoll_create1 epoll_ctl epoll_wait eventfd timerfd_create signalfd time
    gettimeofday clock_gettime nanosleep clock_nanosleep usleep sleep getrandom getentropy rand random srand signal
    sigaction sigprocmask pthread_sigmask kill raise getaddrinfo getnameinfo gethostbyname if_nametoindex
    if_indextoname syscall""".split())
SOCKETS = set("""socket socketpair bind listen connect accept accept4 send sendto sendmsg recv recvfrom recvmsg
    poll ppoll select epoll_create1 epoll_wait getaddrinfo gethostbyname nanosleep usleep sleep""".split())


def may(path, header):
    """True when a file of lib/ may include a header of ours, both as paths below lib/."""
    if header.parent == path.parent or path.parts[0] == "proto" and header.as_posix() == f"proto/{path.parts[1]}.h":
        return True
    if path.parts[0] == "proto" and path.name in PURE:
        return header.match("base/*")
    return any(header.match(pattern) for pattern in MAY[path.parts[0]])


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


def calls(*objects):
    """Yields (object, function of libc) for what the objects call."""
    lines = subprocess.run(["nm", "-A", "-u", *objects], capture_output=True, text=True, check=True).stdout
    for where, name in re.findall(r"^(.*): +U (\w+)", lines, re.MULTILINE):
        yield where, re.sub(r"^__(?:isoc99_)?(\w+?)(?:_chk|_2)?$", r"\1", name)


def test_only_io_asks_the_kernel(build):
    archive = calls(build / "lib" / "libpier.a")
    wrong = [f"{where} calls {name}" for where, name in archive if name in KERNEL and ":io_" not in where]
    assert not wrong, "\n".join(wrong)


def test_the_program_talks_through_the_library(build):
    objects = [o for folder in ("hub", "cli") for o in (build / folder).rglob("*.o")]
    wrong = [f"{where} calls {name}" for where, name in calls(*objects) if name in SOCKETS] if objects else []
    assert not wrong, "\n".join(wrong)
