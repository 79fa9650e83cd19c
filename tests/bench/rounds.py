"""One measurement: a server and its load, each on its own cores, from start to end."""

import contextlib
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import time

from contenders import program, reason

OPEN_WITHIN = 10  # seconds that a server may take to listen
STEPS_WITHIN = 60
READY_WITHIN = 60  # seconds that the load may take to open its conns


class Failed(Exception):
    """Why there is no number."""


def free_port(kind):
    """Outside the range from which the load's own ports come."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise Failed("no free port")


def answers(port, kind):
    with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
        s.settimeout(0.2)
        s.connect(("127.0.0.1", port))
        if kind == socket.SOCK_DGRAM:
            s.send(b"are you there?")
            return bool(s.recv(64))
        return True
    return False


def said(file):
    file.seek(0)
    return reason(file.read().decode(errors="replace"))


@contextlib.contextmanager
def running(command, cores, log, **more):
    """A process on its cores, gone at the end."""
    process = subprocess.Popen(
        command, stderr=log, start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, cores), **more
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def certificate(folder):
    """A key on P-256 and a certificate of its own, made once."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            + ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)],
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise Failed(f"no certificate: {reason(made.stderr)}")
    return [str(cert), str(key)]


def cores_of(load, run):
    return run.server_cores[: load.cores or None]


@contextlib.contextmanager
def served(contender, load, run):
    """A server that listens, and its port."""
    kind = socket.SOCK_DGRAM if load.mode == "udp" else socket.SOCK_STREAM
    port = free_port(kind)
    command = [*contender.command(run.build), load.mode, str(port), *(certificate(run.folder) if load.tls else [])]
    with open(run.log, "w+b") as log, running(
        command, cores_of(load, run), log, stdout=log, stdin=subprocess.DEVNULL, env=contender.env
    ) as server:
        end = time.monotonic() + OPEN_WITHIN
        while not answers(port, kind):
            if server.poll() is not None or time.monotonic() > end:
                raise Failed(f"the server did not start: {said(log) or server.returncode}")
            time.sleep(0.02)
        yield server, port


def family(pid):
    """The process and its children."""
    pids = [pid]
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except (FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            continue
        for child in children:
            pids += family(int(child))
    return pids


def line_of(process, seconds, log):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise Failed(said(log) or "the load did not come to an end")
    return line


def load_commands(load, port, pids, run, seconds, warm):
    """One process for each core of the load; they share the conns."""
    cores = run.load_cores if load.load in ("echo", "lines", "churn") and load.conns >= len(run.load_cores) else run.load_cores[:1]
    conns = [load.conns // len(cores) + (i < load.conns % len(cores)) for i in range(len(cores))]
    for core, share in zip(cores, conns):
        yield core, [
            str(program("load", run.build)),
            load.load,
            *("--port", str(port), "--conns", str(share), "--size", str(load.size), "--depth", str(load.depth)),
            *load.tls,
            *("--seconds", str(seconds), "--warm", str(warm), "--hold"),
            *(word for pid in pids for word in ("--pid", str(pid))),
        ]


def loaded(load, port, pids, run, seconds, warm, between=contextlib.nullcontext):
    """Runs the load; `between` is around what is after its conns are open. Returns what each process said."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(open(f"{run.log}.load", "w+b"))
        many = [
            stack.enter_context(running(c, {core}, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for core, c in load_commands(load, port, pids, run, seconds, warm)
        ]
        for process in many:
            line_of(process, READY_WITHIN, log)
        with between():
            for process in many:
                process.stdin.write("go\n")
                process.stdin.flush()
            if load.load == "idle":
                return []
            return [json.loads(line_of(process, warm + seconds + 60, log)) for process in many]


# ---- Kinds of measurement ------------------------------------------------------------------------


def measure(contender, load, run):
    """CPU per message, messages a second, latencies."""
    with served(contender, load, run) as (server, port):
        parts = loaded(load, port, family(server.pid), run, run.seconds, run.warm)
    messages = sum(p["messages"] / p["seconds"] for p in parts)
    if not messages:
        raise Failed("not one message came back while we measured")
    cpu = max(p["server_cpu"] / p["seconds"] for p in parts)  # each sees all of the server
    return {
        "cpu_us": cpu / messages * 1e6,
        "per_second": messages,
        "busy": cpu / len(cores_of(load, run)),
        "load_busy": sum(p["load_cpu"] / p["seconds"] for p in parts) / len(run.load_cores),
        "p50_us": max(p["p50_us"] for p in parts),
        "p99_us": max(p["p99_us"] for p in parts),
        "resent": sum(p["resent"] for p in parts),
    }


@contextlib.contextmanager
def perf(words, pids, log):
    """perf over the server's processes."""
    if not shutil.which("perf"):
        raise Failed("perf is not installed (linux-perf)")
    command = ["perf", *words, "-p", ",".join(map(str, pids))]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    time.sleep(0.3)  # until it has attached
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def count_syscalls(contender, load, run):
    """System calls of the server for each message, in a run of its own: counting slows."""
    with served(contender, load, run) as (server, port), open(f"{run.log}.perf", "w+") as log:
        pids = family(server.pid)
        count = ["stat", "-x", ",", "-e", "raw_syscalls:sys_enter"]
        parts = loaded(load, port, pids, run, min(run.seconds, 0.5), 0, lambda: perf(count, pids, log))
        log.seek(0)
        found = [line.split(",")[0] for line in log if "sys_enter" in line]
    if not found or not found[0].isdigit():
        raise Failed("perf may not count here: it needs root, or kernel.perf_event_paranoid = -1")
    return int(found[0]) / sum(p["all"] for p in parts)


def profile(contender, load, run):
    """Where the server's time goes, as perf tells it."""
    data = f"{run.log}.data"
    with served(contender, load, run) as (server, port), open(f"{run.log}.perf", "w+b") as log:
        pids = family(server.pid)
        loaded(load, port, pids, run, run.seconds, 0, lambda: perf(["record", "-q", "-o", data], pids, log))
        if not os.path.exists(data):
            raise Failed(f"perf recorded nothing: {said(log)}")
    report = ["perf", "report", "-i", data, "--no-children", "--stdio", "--percent-limit", "0.3", "--sort"]
    for by in ("dso", "dso,symbol"):
        lines = subprocess.run([*report, by], capture_output=True, text=True).stdout.splitlines()
        yield from (line.rstrip() for line in lines if line.strip() and not line.startswith("#"))
        yield ""


def memory_of(pid):
    """Bytes of user space that are in memory and ours alone, and bytes of page tables: proc(5)."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    kib = {k: int(v.split()[0]) for k, v in fields.items() if k in ("RssAnon", "RssShmem", "VmPTE")}
    return (kib["RssAnon"] + kib["RssShmem"]) * 1024, kib["VmPTE"] * 1024


def weigh(contender, load, run):
    """What one idle conn adds to the server, once its buffers are warm."""
    warmup = type(load)("warm-up", "", load.mode, "echo", 64, depth=16, tls=load.tls)
    with served(contender, load, run) as (server, port):
        pids = family(server.pid)
        loaded(warmup, port, pids, run, 0.3, 0)
        time.sleep(0.2)
        before = [memory_of(pid) for pid in pids]
        after = []

        @contextlib.contextmanager
        def weighing():
            time.sleep(0.2)
            after.extend(memory_of(pid) for pid in pids)
            yield

        loaded(load, port, pids, run, 0, 0, weighing)
    user, tables = (sum(a[i] - b[i] for a, b in zip(after, before)) / load.conns for i in (0, 1))
    return {"bytes": user, "table_bytes": tables}


def steps(contender, load, run):
    """Nanoseconds of single steps, as the program says them."""
    with open(run.log, "w+b") as log, running(
        contender.command(run.build),
        run.server_cores,
        log,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=contender.env,
    ) as process:
        return json.loads(line_of(process, STEPS_WITHIN, log))


def simulate(contender, load, run):
    """The simulated room, and the seconds for the contract's thousand seeds on two cores."""
    said = steps(contender, load, run)
    cores, seeds = run.server_cores[:1] + run.load_cores[:1], [str(run.build / "tests" / "contract" / "contract_simulated")]
    began = time.monotonic()
    with open(run.log, "w+b") as log, running(seeds, cores, log, env=dict(os.environ, PIER_SIM_JOBS="2")) as process:
        if process.wait(STEPS_WITHIN):
            raise Failed(reason(pathlib.Path(run.log).read_text(errors="replace")))
    return {**said, "s for 1,000 seeds": time.monotonic() - began}
