"""Tables of what was measured: medians, spreads, ratios. Reads what run.py writes as JSON."""

import statistics

def median(row, what):
    return statistics.median(r[what] for r in row["rounds"])


def spread(row, what):
    values = [r[what] for r in row["rounds"]]
    return min(values), max(values)


def short(n):
    """Three digits are all that such a measurement has."""
    return f"{n:,.0f}" if n >= 100 else f"{n:.1f}" if n >= 10 else f"{n:.2f}"


def limit(load):
    """The better of the bare loops, which the others are compared with."""
    bare = [row for row in load["rows"] if row["bare"]]
    return min(bare, key=lambda row: median(row, "cpu_us"), default=None)


def ratio(row, to, what="cpu_us"):
    """The median of the ratios of each round: what slowed a whole round down is not in it."""
    pairs = {r["round"]: r[what] for r in to["rounds"]}
    return statistics.median(r[what] / pairs[r["round"]] for r in row["rounds"] if r["round"] in pairs)


def plural(unit):
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


def rows_of_messages(load):
    unit, bare = load["unit"], limit(load)
    head = ["", f"CPU µs / {unit}", "min–max", "× bare", f"{plural(unit)} / s", "p50 µs", "p99 µs", f"syscalls / {unit}", "busy"]
    yield head
    for row in sorted(load["rows"], key=lambda row: median(row, "cpu_us")):
        least, most = spread(row, "cpu_us")
        calls = row.get("syscalls")
        timed = load["load"] != "stream"
        yield [
            row["contender"],
            short(median(row, "cpu_us")),
            f"{short(least)}–{short(most)}",
            f"{ratio(row, bare):.2f}" if bare else "",
            f"{median(row, 'per_second'):,.0f}",
            short(median(row, "p50_us")) if timed else "",
            short(median(row, "p99_us")) if timed else "",
            f"{calls:.2f}" if calls is not None else "",
            f"{median(row, 'busy'):.0%}",
        ]


def rows_of_memory(load):
    yield ["", "bytes / conn", "min–max", "page tables / conn"]
    for row in sorted(load["rows"], key=lambda row: median(row, "bytes")):
        least, most = spread(row, "bytes")
        yield [
            row["contender"],
            f"{median(row, 'bytes'):,.0f}",
            f"{least:,.0f}–{most:,.0f}",
            f"{median(row, 'table_bytes'):,.0f}",
        ]


def rows_of_steps(load):
    steps = list(dict.fromkeys(step for row in load["rows"] for r in row["rounds"] for step in r if step != "round"))
    unit = "" if load["load"] == "sim" else "ns "
    yield [f"{unit}(min–max)", *(row["contender"] for row in load["rows"])]
    for step in steps:
        cells = [[r[step] for r in row["rounds"] if step in r] for row in load["rows"]]
        yield [step, *(f"{short(statistics.median(v))} ({short(min(v))}–{short(max(v))})" if v else "" for v in cells)]


def table(load):
    """Markdown, aligned, so that it reads well as it is."""
    make = {"idle": rows_of_memory, "micro": rows_of_steps, "sim": rows_of_steps}.get(load["load"], rows_of_messages)
    rows = list(make(load))
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, width))) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(width)) + "|"
    lines.insert(1, rule)
    lines += [f"\nNot there: {s['contender']} ({s['why']})." for s in load["skipped"]]
    return "\n".join(lines)


def header(result):
    m, o = result["machine"], result["options"]
    cores = f"server on core {', '.join(map(str, o['server_cores']))}, load on {', '.join(map(str, o['load_cores']))}"
    return (
        f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; pier {result['commit']}; {cores}; "
        f"{o['rounds']} rounds of {o['seconds']:g} s, interleaved; load average before: {m['load_average']}. "
        + ", ".join(f"{k} {v}" for k, v in result["versions"].items())
        + "."
    )


def page(result, picture=lambda load: None):
    """The whole report; picture(load) gives what stands between a title and its table."""
    parts = [header(result)]
    for load in result["loads"]:
        parts += filter(None, [f"### {load['title']}", picture(load), table(load)])
    return "\n\n".join(parts) + "\n"
