#!/usr/bin/python3
"""./dev bench: pier beside its peers, in one run. docs/benchmarks.md tells how to read it."""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import tempfile

import report
import rounds
from contenders import CONTENDERS, TLS, TOP, compiled
from loads import LOADS, chosen

FILES = 16500  # descriptors for the largest load


def options():
    p = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    p.add_argument("load", nargs="*", metavar="LOAD", help="loads whose name begins so; all when none is given")
    p.add_argument("--with", dest="contenders", default="", metavar="A,B", help="these contenders alone, as pier-epoll,go")
    p.add_argument("--quick", action="store_true", help="one short round: to see that it works, not for numbers")
    p.add_argument("--rounds", type=int, metavar="N", help="rounds of all contenders (default 5)")
    p.add_argument("--seconds", type=float, metavar="S", help="measured seconds of each (default 2)")
    p.add_argument("--server-cores", metavar="A,B", help="default: the last core but one")
    p.add_argument("--load-cores", metavar="A,B", help="default: the last core; one load process for each")
    p.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all numbers there")
    p.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the tables there too")
    p.add_argument("--profile", action="store_true", help="no table, but where the servers spend their time, by perf")
    p.add_argument("--list", action="store_true", help="the loads and the contenders")
    p.add_argument("--build", type=pathlib.Path, default=TOP / "build-release", help=argparse.SUPPRESS)
    return p.parse_args()


def die(text):
    sys.exit(f"bench: {text}")


def cores(text, otherwise):
    mine = sorted(os.sched_getaffinity(0))
    if not text:
        return [mine[otherwise]] if len(mine) > 1 else die("two cores are needed: one for the server, one for the load")
    if not re.fullmatch(r"\d+(,\d+)*", text) or not set(map(int, text.split(","))) <= set(mine):
        die(f"cores are named as 2,3 from those this process may run on: {','.join(map(str, mine))}")
    return list(map(int, text.split(",")))


def chosen_contenders(text):
    wanted = text.split(",") if text else [c.key for c in CONTENDERS]
    known = {c.key: c for c in CONTENDERS}
    for key in wanted:
        if key not in known:
            die(f"no contender is called {key}; there are: {' '.join(known)}")
    return [known[key] for key in wanted]


def read(path, pattern):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        return "?"
    return found[1] if found else "?"


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=TOP).stdout.strip() or "?"
    except OSError:
        return "?"


def machine():
    return {
        "cpu": read("/proc/cpuinfo", r"^model name\s*: (.*)"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": read("/proc/loadavg", r"^(\S+)"),
    }


def versions(contenders):
    packages = sorted({c.package for c in contenders if c.package} | {"gcc"})
    found = {p: said("dpkg-query", "-W", "-f=${Version}", p) for p in packages}
    return {p: v for p, v in found.items() if v != "?"}


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Bench:
    """All rounds of one load."""

    def __init__(self, load, run, contenders, broken, files):
        self.load, self.run = load, run
        self.rows, self.skipped = {}, {}
        for c in contenders:
            if c in broken:
                self.skipped[c] = broken[c]
            elif load.mode not in c.modes.split():
                continue
            elif load.cores > len(run.server_cores):
                self.skipped[c] = f"the server needs {load.cores} cores: --server-cores"
            elif load.conns + 100 > files:
                self.skipped[c] = f"{load.conns:,} conns need more descriptors than ulimit -Hn allows: {files}"
            else:
                self.rows[c] = []

    def round(self, number):
        measure = {"idle": rounds.weigh, "micro": rounds.steps, "sim": rounds.simulate}.get(self.load.load, rounds.measure)
        for c in rotated(list(self.rows), number):
            try:
                self.rows[c].append({"round": number, **measure(c, self.load, self.run)})
            except rounds.Failed as why:
                self.drop(c, str(why))

    def drop(self, contender, why):
        print(f"bench: {self.load.name}: {contender.name}: {why}", file=sys.stderr)
        self.skipped[contender] = why
        del self.rows[contender]

    def syscalls(self):
        """Returns the counts, and why there are none."""
        counts = {}
        try:
            for c in self.rows if self.load.load not in ("idle", "micro", "sim") else []:
                counts[c] = rounds.count_syscalls(c, self.load, self.run)
        except rounds.Failed as why:
            return counts, str(why)
        return counts, None

    def result(self):
        counts, why = self.syscalls()
        load = self.load
        return {
            **{k: getattr(load, k) for k in ("name", "title", "load", "conns", "size", "depth", "unit")},
            "no_syscalls": why,
            "rows": [
                {"contender": c.name, "bare": c.bare, "syscalls": counts.get(c), "rounds": r} for c, r in self.rows.items()
            ],
            "skipped": [{"contender": c.name, "why": why} for c, why in self.skipped.items()],
        }


def rotated(items, by):
    """Nobody is always the first, on a machine still cool, nor always after the same one."""
    by %= max(len(items), 1)
    return items[by:] + items[:by]


def build_all(contenders, build):
    """Compiles the load and the contenders. Returns why those that are missing are."""
    if why := compiled("load", build, TLS):
        die(f"the load cannot be compiled: {why}")
    broken = {c: why for c in contenders if (why := compiled(c.source, build, c.libraries))}
    for c, why in broken.items():
        print(f"bench: without {c.name}: {why}", file=sys.stderr)
    return broken


def settings(o):
    o.rounds = o.rounds or (1 if o.quick else 5)
    o.seconds = o.seconds or (0.3 if o.quick else 2)
    o.warm = min(0.5, o.seconds / 4)
    o.server_cores, o.load_cores = cores(o.server_cores, -2), cores(o.load_cores, -1)
    if set(o.server_cores) & set(o.load_cores):
        die("the server and the load need cores of their own")


def chosen_loads(names):
    try:
        return chosen(names)
    except KeyError as name:
        die(f"no load is called {name}; there are: {' '.join(load.name for load in LOADS)}")


def profile_all(o):
    contenders = chosen_contenders(o.contenders)
    broken, _ = build_all(contenders, o.build), raise_limit()
    for load in chosen_loads(o.load):
        for c in contenders:
            if c in broken or load.mode not in c.modes.split() or load.load in ("idle", "micro", "sim"):
                continue
            print(f"\n{load.title}: {c.name}\n")
            try:
                print("\n".join(rounds.profile(c, load, o)))
            except rounds.Failed as why:
                die(str(why))


def run_all(o):
    contenders, loads = chosen_contenders(o.contenders), chosen_loads(o.load)
    result = {
        "machine": machine(),
        "versions": versions(contenders),
        "commit": said("git", "describe", "--always", "--dirty"),
        "options": {k: getattr(o, k) for k in ("rounds", "seconds", "warm", "server_cores", "load_cores")},
        "loads": [],
    }
    broken, files = build_all(contenders, o.build), raise_limit()
    for load in loads:
        bench = Bench(load, o, contenders, broken, files)
        for number in range(o.rounds):
            bench.round(number)
        result["loads"].append(bench.result())
        done = result["loads"][-1]
        if o.json:  # after each: a long run that is cut short has told what it knows
            o.json.write_text(json.dumps(result, indent=1) + "\n")
        print(f"\n{load.title} ({load.name})\n\n{report.table(done)}", flush=True)
        if done["no_syscalls"]:
            print(f"\nNo system calls were counted: {done['no_syscalls']}.")
    return result


def main():
    o = options()
    if o.list:
        print("loads:", *(f"  {load.name:24}{load.title}" for load in LOADS), sep="\n")
        print("contenders:", *(f"  {c.key:24}{c.modes}" for c in CONTENDERS), sep="\n")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        o.log, o.folder = str(pathlib.Path(folder) / "log"), pathlib.Path(folder)
        settings(o)
        if o.profile:
            profile_all(o)
            return
        result = run_all(o)
    if o.markdown:
        o.markdown.write_text(report.page(result))


main()
