"""Plots, as SVG that can be read on white and on black."""

import math
from xml.sax.saxutils import escape

# A page's own scheme does not reach into an image, the reader's does.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.dim { fill: #57606a } .grid { stroke: #d0d7de } .one { stroke: #57606a; stroke-dasharray: 3 3 }
.ours { fill: #0969da } .line { fill: none; stroke: #0969da; stroke-width: 2 }
.peer { stroke-width: 1.5; fill-opacity: .85; stroke: #24292f }
.peer0 { fill: #2da44e } .peer1 { fill: #ffffff } .peer2 { fill: #8250df } .peer3 { fill: #fb8f44 }
.peer4 { fill: #cf222e } .peer5 { fill: #54aeff } .peer6 { fill: #6e7781 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 } .grid { stroke: #3d444d } .one { stroke: #9198a1 }
  .ours { fill: #4493f8 } .line { stroke: #4493f8 } .peer { stroke: #e6edf3 }
}
"""
LEFT, SCALE, RATIO_MAX, LINE = 250, 220, 2.5, 24


def frame(title, under, width, height, marks):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text x="12" y="22" font-weight="600">{escape(title)}</text>',
        f'<text class="dim" x="12" y="40">{escape(under)}</text>',
        *marks, "</svg>"]) + "\n"


def rows(title, under, ratios, ours, names):
    """A line for each workload: a bar for ours, and a dot for each other. What is too far off stands at the edge."""
    peers = [name for name in names if name != ours]
    marks, x = ['<rect class="ours" x="12" y="52" width="22" height="10" rx="2"/>', text(40, 61, ours)], 130
    for number, name in enumerate(peers):
        marks += [dot(number, x, 57), text(x + 10, 61, name)]
        x += 34 + 7 * len(name)
    begin = y = 80
    for label, values in ratios:
        if not values:
            continue
        marks.append(text(LEFT - 8, y + 14, label, "end"))
        if ours in values:
            marks.append(f'<rect class="ours" x="{LEFT}" y="{y + 4}" width="{place(values[ours]) - LEFT:.1f}" '
                         f'height="12" rx="2"/>')
        marks += [dot(peers.index(name), place(value), y + 10) for name, value in values.items() if name != ours]
        far = [f"{name} {value:.2f}" for name, value in values.items() if value > RATIO_MAX]
        marks.append(text(place(RATIO_MAX) + 12, y + 14, ", ".join(far), kind="dim"))
        y += LINE
    grid = []
    for tenths in range(0, int(RATIO_MAX * 10) + 1, 5):
        at = place(tenths / 10)
        grid += [f'<line class="{"one" if tenths == 10 else "grid"}" x1="{at:.0f}" y1="{begin}" x2="{at:.0f}" y2="{y + 4}"/>',
                 text(at, y + 20, f"{tenths / 10:g}", "middle", "dim")]
    return frame(title, under, max(x, place(RATIO_MAX) + 210), y + 32, grid + marks)


def place(ratio):
    return LEFT + min(max(ratio, 0), RATIO_MAX) * SCALE


def dot(number, x, y):
    return f'<circle class="peer peer{number % 7}" cx="{x:.1f}" cy="{y}" r="4.5"/>'


def text(x, y, said, anchor="start", kind=""):
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(said)}</text>' if said else ""


PANEL, PLOT_WIDTH, PLOT_HEIGHT = 400, 310, 150


def panels(title, under, curves):
    """A small plot for each of (label, unit, scale, points): how a cost grows with what stands on a scale of powers.
    A `scale` is "plain" or "powers", and is that of the cost."""
    marks = []
    for number, (label, unit, scale, points) in enumerate(curves):
        left, top = 70 + number % 2 * PANEL, 100 + number // 2 * (PLOT_HEIGHT + 90)
        marks += panel(left, top, label, unit, scale, points)
    height = 70 + math.ceil(len(curves) / 2) * (PLOT_HEIGHT + 90)
    return frame(title, under, 2 * PANEL + 20, height, marks)


def panel(left, top, label, unit, scale, points):
    # What is nothing has its place a step before the first that is something.
    first = min(x for x, _ in points if x > 0) / (4 if any(x == 0 for x, _ in points) else 1)
    powers = math.log10(max(x for x, _ in points) / first) or 1
    height, lines = plain(points) if scale == "plain" else by_powers(points)
    spots = [(left + math.log10(max(x, first) / first) / powers * PLOT_WIDTH, top + PLOT_HEIGHT * (1 - height(y)))
             for x, y in points]
    marks = [text(left - 50, top - 30, label), text(left - 50, top - 14, unit, kind="dim")]
    for value in lines:
        y = top + PLOT_HEIGHT * (1 - height(value))
        marks += [f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{left + PLOT_WIDTH}" y2="{y:.1f}"/>',
                  text(left - 6, round(y + 4), short(value), "end", "dim")]
    last = -math.inf
    for (x, _), (at, _) in zip(points, spots):
        if at - last >= 34:
            marks.append(text(at, top + PLOT_HEIGHT + 18, short(x), "middle", "dim"))
            last = at
    marks.append(f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in spots)}"/>')
    return marks + [f'<circle class="ours" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in spots]


def plain(points):
    """From nothing to the most, and what lines stand between."""
    most = nice(max(y for _, y in points))
    return (lambda value: value / most), [most * part / 4 for part in range(5)]


def by_powers(points):
    """From a power of ten to another."""
    costs = [y for _, y in points if y > 0] or [1]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs) * 1.001))
    return (lambda value: (math.log10(max(value, 10 ** low)) - low) / (high - low)), [10 ** at for at in range(low, high + 1)]


def nice(most):
    """The next of 1, 2, 4, 6, 8 times a power of ten."""
    power = 10 ** math.floor(math.log10(most)) if most > 0 else 1
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most * 0.999)


def short(value):
    """In thousands; what is counted in 1,024s is written so."""
    step, mark = (1024, "Ki Mi Gi") if value >= 1024 and value % 1024 == 0 else (1000, "k M G")
    for power, letter in reversed(list(enumerate(mark.split(), 1))):
        if value >= step ** power:
            return f"{value / step ** power:.3g}{letter}"
    return f"{value:.3g}"
