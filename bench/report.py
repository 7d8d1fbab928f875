"""The figures as a table and as a plot. Ratios are of runs in the same round, with the cores as far apart."""

import re
import statistics
from xml.etree import ElementTree

import drawing

# Up to this factor, the cores are taken to be as far from each other. Near and far differ by more than that.
DISTANCE_FACTOR = 1.5
# A tuning that answers half as much is not the better one, however little it does meanwhile.
RATE_SHARE_MIN = 0.5
OURS = "wherefore"
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
    return is_near(min(distances), max(distances))


def is_near(one, other):
    """Whether both are the same distance between cores."""
    return max(one, other) <= DISTANCE_FACTOR * min(one, other)


def of(rows, what):
    values = [run[what] for run in rows["runs"] if what in run]
    return statistics.median(values) if values else None


def names(result):
    """Ours, the others in the order in which they were first measured, and what is no rival."""
    measured = dict.fromkeys(name for workload in result["workloads"] for name in workload["servers"])
    return sorted(measured, key=lambda name: (name != OURS, name not in result["rivals"]))


def table(result):
    lines = ["# Wherefore and others", ""]
    if result["quick"]:
        lines += ["**A quick run: it shows that the comparison works, and is no result.** One is had on a quiet "
                  "machine by `python3 bench/compare --publish`.", ""]
    lines += summary(result, "compare.svg")
    for workload in result["workloads"]:
        lines += details(workload)
    return "\n".join(lines) + "\n"


def summary(result, plot):
    """What a reader has to know who reads no more than this."""
    rounds = "one round" if result["rounds"] == 1 else f"{result['rounds']} rounds"
    lines = [f"{result['date']}, on {result['machine']}: {rounds} of {result['seconds']:g} s for each server, in "
             f"{result['minutes']:.0f} min.", "",
             "".join(f"- {program}: {version}\n" for program, version in result["versions"].items())]
    if result["missing"]:
        lines += [f"Not installed, so not measured: {', '.join(result['missing'])}.", ""]
    lines += disturbances(result)
    lines += ["CPU time for a request (memory for an idle connection), as a multiple of what the better of both tunings "
              "of nginx needs: below 1 is better. Who needs less than Wherefore is **bold**. The bare loop is no server: it "
              "reads nothing of what it is asked, and shows what the network alone takes.", ""]
    servers = names(result)
    lines += [f"![The same as bars and dots]({plot})", ""]
    lines += row(["", *servers]) + row(["---", *["--:"] * len(servers)])
    for workload in result["workloads"]:
        ratios = {name: ratio(workload, name) for name in servers if name in workload["servers"]}
        ours = ratios.get(OURS)
        cells = []
        for name in servers:
            value = ratios.get(name)
            is_ahead = name in result["rivals"] and None not in (value, ours) and round(value, 2) < round(ours, 2)
            cells.append(f"**{number(value, 2)}**" if is_ahead else number(value, 2))
        lines += row([workload["title"], *cells])
    notes = [f"{workload['title']}: {workload['note']}" for workload in result["workloads"] if workload["id"] == "put"]
    return lines + ["", *notes] if notes else lines


def publish(result, page):
    """Puts the summary where the page has its place."""
    text = page.read_text()
    begin, end = "<!-- bench/compare begins -->\n", "<!-- bench/compare ends -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if not before or end not in rest:
        raise SystemExit(f"{page} has no place for the table")
    lines = "\n".join(summary(result, "bench/results/compare.svg"))
    page.write_text(before + begin + lines + "\n" + end + after)


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
    has_peaks = any("peak_kib" in run for rows in workload["servers"].values() for run in rows["runs"])
    lines += row(["", "CPU µs", "least–most", "× nginx", "requests/s", "p99 µs", *["peak MiB"] * has_peaks, "calls", "which"])
    lines += row(["---", *["--:"] * (6 + has_peaks), "---"])
    for name, rows in workload["servers"].items():
        if not rows["runs"]:
            lines += row([name, *["–"] * (6 + has_peaks), f"left out: {rows.get('left_out', 'no run')}"])
            continue
        costs = [run["cost"] for run in rows["runs"]]
        counts = rows.get("calls") or {}
        which = ", ".join(f"{call} {count:.2f}" for call, count in counts.items() if count >= 0.05)
        peaks = [run["peak_kib"] / 1024 for run in rows["runs"] if "peak_kib" in run]
        lines += row([name, number(of(rows, "cost"), 2), f"{min(costs):.2f}–{max(costs):.2f}",
                      number(ratio(workload, name), 2), number(of(rows, "requests_per_second"), 0),
                      number(of(rows, "p99_us"), 0), *[number(max(peaks, default=None), 1)] * has_peaks,
                      number(sum(counts.values()) if counts else None, 2), which])
    return lines


def row(cells):
    return ["| " + " | ".join(cells) + " |"]


def number(value, places):
    return "–" if value is None else f"{value:,.{places}f}"


def plot(result):
    title = "CPU time for a request (memory for an idle connection), as a multiple of the better nginx's"
    under = f"{result['date']}{', a quick run: no result' if result['quick'] else ''}; less is better"
    rows = [(workload["title"], {name: value for name in workload["servers"]
                                 if (value := ratio(workload, name)) is not None})
            for workload in result["workloads"]]
    return drawing.rows(title, under, rows, OURS, names(result))


def check(servers, rivals):
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
              "missing": ["none"], "minutes": 1.0, "rivals": rivals, "workloads": [workload, idle]}
    assert all(ratio(workload, name) == cost / 2.0 for name, cost in costs.items())
    lines = table(result).splitlines()
    assert any(line.startswith("| GET <1 KiB> | 1.50 | **1.00** | **1.00** | 1.50 ") for line in lines), lines
    marks = ElementTree.fromstring(plot(result)).iterfind(".//*[@class]")
    drawn = [mark for mark in marks if re.search(r"\b(ours|peer)\b", mark.get("class"))]
    # Each is drawn for both workloads, and stands in the legend.
    assert len(drawn) == 3 * len(servers), len(drawn)
