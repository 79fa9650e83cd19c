"""Who may ask the kernel, by what the objects call."""

import re
import subprocess

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
