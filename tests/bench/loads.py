"""What is asked of the contenders."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Load:
    name: str
    title: str
    mode: str  # of the server
    load: str  # of the load generator
    conns: int
    size: int = 64
    depth: int = 1
    unit: str = "message"  # what is counted
    tls: tuple = ()  # what the load is told of it
    cores: int = 0  # that the server may use; 0 = all that it is given


def size_name(size):
    return f"{size} B" if size < 1024 else f"{size // 1024} KiB"


def conns_name(conns):
    return "1 conn" if conns == 1 else f"{conns:,} conns"


LOADS = [
    *(
        Load(f"echo-{conns}x{size}", f"Echo: {conns_name(conns)}, {size_name(size)}", "echo", "echo", conns, size)
        for conns in (1, 64, 1000, 10000)
        for size in (64, 1024, 16384)
    ),
    *(Load(f"workers-{n}", f"Echo: 800 conns, 64 B, {n} of the server's cores", "echo", "echo", 800, cores=n) for n in (1, 2)),
    Load("pipelined-64", "Pipelined: 64 conns, 64 B, 16 messages at once", "echo", "echo", 64, depth=16),
    *(
        Load(f"tls-64x{size}", f"Echo over TLS 1.3: 64 conns, {size_name(size)}", "tls", "echo", 64, size, tls=("--tls",))
        for size in (64, 16384)
    ),
    Load("tls-churn", "Handshake, echo 64 B, close: 64 at a time", "tls", "churn", 64, unit="conn", tls=("--tls",)),
    Load("tls-resume", "The same, resumed", "tls", "churn", 64, unit="conn", tls=("--tls", "--resume")),
    Load("tls-idle", "Memory of an idle conn of TLS, after one echo: 2,000 conns", "tls", "idle", 2000, unit="conn", tls=("--tls",)),
    Load("lines-64", "Lines: 64 conns, 64 B, 16 at once, each answered by itself", "lines", "lines", 64, depth=16),
    Load("churn-64", "Connect, echo 64 B, close: 64 at a time", "echo", "churn", 64, unit="conn"),
    Load("stream-4", "One-way stream to 4 conns, in blocks of 16 KiB", "stream", "stream", 4, unit="block"),
    Load("fanout-1000", "One speaks, 1,000 hear: lines of 64 B", "fanout", "fanout", 1000, depth=32, unit="delivery"),
    Load("udp-32", "UDP echo: 32 peers, 64 B, 4 at once", "udp", "udp", 32, depth=4, unit="datagram"),
    Load("udp-flood", "UDP echo: 1 peer, 1,200 B, 48 at once, joined", "udp", "flood", 1, 1200, depth=48, unit="datagram"),
    Load("idle-15000", "Memory of an idle conn, after one echo: 15,000 conns", "idle", "idle", 15000, unit="conn"),
    Load("micro", "Single steps", "micro", "micro", 1, unit="step"),
    Load("sim", "The simulation: a room of 8 on one core, 1,000 seeds of the contract on two", "sim", "sim", 1, unit="run"),
    Load("calls", "Raw sockets: 64 B there and back by single calls", "calls", "micro", 1, unit="step"),
]


def chosen(names):
    """Those whose name begins with one of `names`; all for none. Raises KeyError(name) for one that fits none."""
    for name in names:
        if not any(load.name.startswith(name) for load in LOADS):
            raise KeyError(name)
    return [load for load in LOADS if not names or any(load.name.startswith(name) for name in names)]
