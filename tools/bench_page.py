#!/usr/bin/python3
"""bench_page.py RESULTS.json: puts what ./dev bench --json wrote into docs/benchmarks.md, with a picture a table."""

import html
import json
import math
import pathlib
import statistics
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests" / "bench"))
import report  # noqa: E402: it lies with the harness

PAGE, PICTURES = TOP / "docs" / "benchmarks.md", TOP / "docs" / "benchmarks"
BEGIN, END = "<!-- results: tools/bench_page.py writes what is between these lines -->", "<!-- end of results -->"

WIDTH, LEFT, RIGHT, BAR, GAP, TOPMOST = 720, 150, 90, 18, 8, 34
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 11px; fill: #57606a }
  .pier { fill: #0969da } .bare { fill: #8c959f } .other { fill: #c8d1da }
  line { stroke: #57606a } .limit { stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #8d96a0 } .pier { fill: #4493f8 } .bare { fill: #656c76 }
    .other { fill: #3d444d } line { stroke: #9198a1 }
  }"""


def kind(row):
    return "bare" if row["bare"] else "pier" if row["contender"].startswith("pier") else "other"


def bars(load):
    """(name, kind, median, least, most) of each contender, the best first; and what is measured."""
    if load["load"] == "micro":
        what, label = "spawn + finish", "ns to start a fiber or thread and see it end (logarithmic)"
    elif load["load"] == "sim":
        what, label = "s for 1,000 seeds", "seconds for 1,000 seeds"
    elif load["load"] == "idle":
        what, label = "bytes", "bytes of user space a conn (logarithmic)"
    else:
        what, label = "cpu_us", f"µs of server CPU a {load['unit']}"
    rows = [(row, [r[what] for r in row["rounds"] if what in r]) for row in load["rows"]]
    found = [(row["contender"], kind(row), statistics.median(v), min(v), max(v)) for row, v in rows if v]
    return sorted(found, key=lambda bar: bar[2]), label


def scale(load, most):
    """Where a value lies, in pixels. Orders of magnitude need a logarithm to be seen side by side."""
    room = WIDTH - LEFT - RIGHT
    if load["load"] not in ("micro", "idle"):
        return lambda v: LEFT + room * v / most
    digits = len(str(int(most)))
    return lambda v: LEFT + room * max(math.log10(v), 0) / digits


def picture(load):
    """An SVG: a bar to the median, a line from the least to the most."""
    found, label = bars(load)
    x = scale(load, max((most for *_, most in found), default=1))
    height = TOPMOST + len(found) * (BAR + GAP) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f"<title>{html.escape(load['title'])}</title><style>{STYLE}\n</style>",
        f'<text class="small" x="{LEFT}" y="18">{html.escape(label)}</text>',
    ]
    for i, (name, of, middle, least, most) in enumerate(found):
        y = TOPMOST + i * (BAR + GAP)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>',
            f'<rect class="{of}" x="{LEFT}" y="{y}" width="{max(x(middle) - LEFT, 1):.1f}" height="{BAR}"/>',
            f'<line x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{y + BAR / 2}" y2="{y + BAR / 2}"/>',
            f'<text x="{x(max(most, middle)) + 6:.1f}" y="{y + 14}">{report.short(middle)}</text>',
        ]
    limits = [middle for _, of, middle, *_ in found if of == "bare"]
    if limits and load["load"] != "idle":
        at = f"{x(min(limits)):.1f}"
        parts.append(f'<line class="limit" x1="{at}" x2="{at}" y1="{TOPMOST - 6}" y2="{height - 8}"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    result = json.loads(pathlib.Path(sys.argv[1]).read_text())
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    for load in result["loads"]:
        (PICTURES / f"{load['name']}.svg").write_text(picture(load))
    body = report.page(result, lambda load: f"![{load['title']}](benchmarks/{load['name']}.svg)")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{rest.partition(END)[2]}")


main()
