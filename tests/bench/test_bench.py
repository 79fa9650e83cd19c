"""The benchmarks still run: each load for a moment; and the load believes no server."""

import json
import os
import resource
import socket
import subprocess
import threading

import pytest


@pytest.fixture
def bench(top, build, tmp_path, bound):
    """Runs the harness; gives its results."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("a server and its load need two cores")
    if bound(1) > 1:
        pytest.skip("under a sanitizer there is nothing to measure")

    def run(*words, files=None):
        def fewer():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        results = tmp_path / "results.json"
        command = ["/usr/bin/python3", top / "tests" / "bench" / "run.py", "--build", build, "--json", results, *words]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, preexec_fn=fewer)
        assert done.returncode == 0, done.stderr
        return json.loads(results.read_text())["loads"]

    return run


@pytest.mark.within(120)
def test_each_kind_of_load_has_numbers(bench):
    kinds = ["echo-64x64", "lines", "churn", "stream", "fanout", "udp", "micro", "sim", "tls-64x64", "tls-resume"]
    ours = "bare-epoll,bare-room,bare-recvmmsg,pier-epoll,pier-fibers-epoll,bare-openssl,pier-tls-epoll,pier-sim"
    for load in bench("--quick", "--with", ours, *kinds):
        assert load["rows"] and not load["skipped"], load
        for row in load["rows"]:
            assert all(number > 0 for name, number in row["rounds"][0].items() if name in ("cpu_us", "per_second")), row
            assert load["name"] in ("micro", "sim") or row["syscalls"] or load["no_syscalls"], row


def test_who_cannot_run_is_left_out_and_the_reason_said(bench):
    (load,) = bench("--quick", "--with", "bare-epoll", "echo-1000x64", files=500)
    assert not load["rows"] and "ulimit" in load["skipped"][0]["why"]


LIES = {
    "changed": lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:],
    "out of place": lambda data: data[1:] + data[:1],
    "extra": lambda data: data + b"!",
}


@pytest.mark.parametrize("fault", LIES)
def test_the_load_sees_a_byte_that_is(fault, bench, build):
    bench("--quick", "--with", "bare-epoll", "echo-1x64")  # builds the load
    listener = socket.create_server(("127.0.0.1", 0))

    def lie():
        conn, _ = listener.accept()
        with conn:
            for turn in range(100):
                data = conn.recv(65536)
                if not data:
                    return
                conn.sendall(LIES[fault](data) if turn == 50 else data)

    liar = threading.Thread(target=lie)
    liar.start()
    command = [build / "bench" / "load_", "echo", "--port", str(listener.getsockname()[1])]
    done = subprocess.run(command, capture_output=True, text=True)
    liar.join()
    listener.close()
    assert done.returncode == 1 and ("more came back" if fault == "extra" else "came back as") in done.stderr, done
