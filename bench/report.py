"""The figures as a table and as a plot. Ratios are of runs in the same round, with the cores as far apart."""

import statistics
from xml.etree import ElementTree
from xml.sax.saxutils import escape

# Up to this factor, the cores are taken to be as far from each other. Near and far differ by more than that.
DISTANCE_FACTOR = 1.5
# A tuning that answers half as much is not the better one, however little it does meanwhile.
RATE_SHARE_MIN = 0.5
# Others on the server's core make each request dearer: above this share of it, a run is doubtful.
OTHERS_MAX = 0.05


def better_nginx(workload):
    """The tuning of nginx that the others are compared with here."""
    tunings = {name: of(rows, "cost") for name, rows in workload["servers"].items()
               if name.startswith("nginx") and of(rows, "cost") is not None}
    rates = {name: of(workload["servers"][name], "requests_per_second") or 0 for name in tunings}
    enough = [name for name in tunings if rates[name] >= RATE_SHARE_MIN * max(rates.values())]
    return min(enough, key=tunings.get, default=None)


def ratio(workload, name):
    """How many times what the better nginx needed this one needs: the median over rounds."""
    base = better_nginx(workload)
    if base is None:
        return None
    of_base = {run["round"]: run for run in workload["servers"][base]["runs"]}
    ratios = [run["cost"] / of_base[run["round"]]["cost"] for run in workload["servers"][name]["runs"]
              if run["round"] in of_base and of_base[run["round"]]["cost"] > 0
              and are_comparable(run, of_base[run["round"]])]
    return statistics.median(ratios) if ratios else None


def are_comparable(one, other):
    distances = one.get("distance_ns", [1]) + other.get("distance_ns", [1])
    return max(distances) <= DISTANCE_FACTOR * min(distances)


def of(rows, what):
    values = [run[what] for run in rows["runs"] if what in run]
    return statistics.median(values) if values else None


def names(result):
    """The servers in the order in which they were first measured."""
    return list(dict.fromkeys(name for workload in result["workloads"] for name in workload["servers"]))


def table(result):
    lines = ["# Wherefore and others", ""]
    if result["quick"]:
        lines += ["**A quick run: it shows that the comparison works, and is no result.** One is had on a quiet "
                  "machine by `python3 bench/compare --out bench/results`.", ""]
    lines += [f"{result['date']}, on {result['machine']}. {result['rounds']} rounds of {result['seconds']} s.", "",
              "".join(f"- {program}: {version}\n" for program, version in result["versions"].items())]
    if result["missing"]:
        lines += [f"Not installed, so not measured: {', '.join(result['missing'])}.", ""]
    lines += disturbances(result)
    lines += ["CPU time for a request (memory for an idle connection), as a multiple of what the better of both "
              "tunings of nginx needs: below 1 is better.", ""]
    servers = names(result)
    lines += ["![The same as bars](compare.svg)", ""]
    lines += row(["", *servers]) + row(["---", *["--:"] * len(servers)])
    for workload in result["workloads"]:
        ratios = [ratio(workload, name) if name in workload["servers"] else None for name in servers]
        lines += row([workload["title"], *(number(value, 2) for value in ratios)])
    for workload in result["workloads"]:
        lines += details(workload)
    return "\n".join(lines) + "\n"


def disturbances(result):
    runs = [run for workload in result["workloads"] for rows in workload["servers"].values()
            for run in rows["runs"] if "others" in run]
    disturbed = sum(run["others"] > OTHERS_MAX for run in runs)
    failed = sum(run["errors"] > 0 for run in runs)
    lines = []
    if disturbed:
        lines += [f"In {disturbed} of {len(runs)} runs other programs took more than {OTHERS_MAX:.0%} of the "
                  "server's core: measure again on a quiet machine.", ""]
    if failed:
        lines += [f"In {failed} of {len(runs)} runs some requests failed.", ""]
    return lines


def details(workload):
    base = better_nginx(workload)
    lines = ["", f"## {workload['title']}", ""]
    about = [f"{workload['connections']:,} connections."]
    if workload["note"]:
        about.append(workload["note"])
    if base:
        about.append(f"The better nginx here: {base}.")
    lines += [" ".join(about), ""]
    if workload["unit"] == "KiB":
        lines += row(["", "KiB a connection", "× nginx"]) + row(["---", "--:", "--:"])
        for name, rows in workload["servers"].items():
            cells = [number(of(rows, "cost"), 2), number(ratio(workload, name), 2)]
            lines += row([name, *cells] if rows["runs"] else [name, "–", rows.get("left_out", "no run")])
        return lines
    lines += row(["", "CPU µs", "least–most", "× nginx", "requests/s", "p99 µs", "calls", "which"])
    lines += row(["---", *["--:"] * 6, "---"])
    for name, rows in workload["servers"].items():
        if not rows["runs"]:
            lines += row([name, *["–"] * 6, f"left out: {rows.get('left_out', 'no run')}"])
            continue
        costs = [run["cost"] for run in rows["runs"]]
        counts = rows.get("calls") or {}
        which = ", ".join(f"{call} {count:.2f}" for call, count in counts.items() if count >= 0.05)
        lines += row([name, number(of(rows, "cost"), 2), f"{min(costs):.2f}–{max(costs):.2f}",
                      number(ratio(workload, name), 2), number(of(rows, "requests_per_second"), 0),
                      number(of(rows, "p99_us"), 0), number(sum(counts.values()) if counts else None, 2), which])
    return lines


def row(cells):
    return ["| " + " | ".join(cells) + " |"]


def number(value, places):
    return "–" if value is None else f"{value:,.{places}f}"


LEFT, SCALE, BAR, GAP, RATIO_MAX = 260, 200, 13, 14, 2.5
# Seen on white and on black; a page's own scheme does not reach into an image, the reader's does.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.dim { fill: #57606a } .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-dasharray: 3 3 }
.other { fill: #afb8c1 } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 } .grid { stroke: #3d444d } .one { stroke: #9198a1 }
  .other { fill: #656c76 } .ours { fill: #4493f8 }
}
"""


def plot(result):
    """Bars of ratios, in groups of workloads; a bar that is too long is cut, and its number stands beside it."""
    marks, y = [], 64
    for workload in result["workloads"]:
        bars = [(name, value) for name in workload["servers"] if (value := ratio(workload, name)) is not None]
        if not bars:
            continue
        marks.append(f'<text x="12" y="{y + 11}" font-weight="600">{escape(workload["title"])}</text>')
        y += 18
        for name, value in bars:
            kind = "ours" if name == "wherefore" else "other"
            is_cut = value > RATIO_MAX
            width = min(value, RATIO_MAX) * SCALE
            marks.append(f'<text class="dim" x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>')
            marks.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>')
            marks.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 11}">{value:.2f}{" ▸" if is_cut else ""}</text>')
            y += BAR + 3
        y += GAP
    width, height = LEFT + RATIO_MAX * SCALE + 70, y + 30
    grid = []
    for tenths in range(0, int(RATIO_MAX * 10) + 1, 5):
        x = LEFT + tenths / 10 * SCALE
        kind = "one" if tenths == 10 else "grid"
        grid.append(f'<line class="{kind}" x1="{x:.0f}" y1="52" x2="{x:.0f}" y2="{y}"/>')
        grid.append(f'<text class="dim" x="{x:.0f}" y="{y + 16}" text-anchor="middle">{tenths / 10:g}</text>')
    title = "CPU time for a request (memory for an idle connection), as a multiple of the better nginx's"
    under = f"{result['date']}{', a quick run: no result' if result['quick'] else ''}; less is better"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text x="12" y="22" font-weight="600">{escape(title)}</text>',
        f'<text class="dim" x="12" y="40">{escape(under)}</text>',
        *grid, *marks, "</svg>"]) + "\n"


def check(servers):
    """Makes both of invented figures, in which the second round is not comparable."""
    def rows(cost):
        near = {"requests_per_second": 1000.0, "p99_us": 100, "others": 0.0, "errors": 0}
        return {"runs": [dict(near, round=0, cost=cost, distance_ns=[300, 310]),
                         dict(near, round=1, cost=9 * cost, distance_ns=[300 + 900 * (cost == 3.0), 310])]}
    costs = {name: 2.0 if name.startswith("nginx") else 3.0 for name in servers}
    workload = {"id": "get", "title": "GET <1 KiB>", "note": "", "unit": "µs", "connections": 64,
                "servers": {name: rows(cost) for name, cost in costs.items()}}
    idle = {"id": "idle", "title": "idle", "note": "", "unit": "KiB", "connections": 5000,
            "servers": {name: {"runs": [{"round": 0, "cost": cost}]} for name, cost in costs.items()}}
    result = {"date": "2000-01-01", "machine": "none", "quick": True, "rounds": 2, "seconds": 1, "versions": {},
              "missing": ["none"], "workloads": [workload, idle]}
    assert all(ratio(workload, name) == cost / 2.0 for name, cost in costs.items())
    lines = table(result).splitlines()
    assert any(line.startswith("| GET <1 KiB> | 1.50 | 1.00 | 1.00 ") for line in lines), lines
    bars = ElementTree.fromstring(plot(result)).findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 2 * len(servers)
