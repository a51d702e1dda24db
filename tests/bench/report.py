# SPDX-License-Identifier: Apache-2.0
"""From the JSON of a run to a Markdown table and an SVG plot. Usage: report.py DIRECTORY

Reads DIRECTORY/*.json (Google Benchmark), agent.json (agent_figures.py) and noticing.json; writes report.md, growth.svg
and growth.json: how the cost grows with N, as the exponent of a power law between the ends.
"""
import glob
import html
import json
import math
import os
import re
import sys

TO_US = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
COLOURS = ("#1b6ca8", "#c2410c", "#15803d", "#7e22ce", "#b45309", "#0f766e", "#be123c", "#4b5563")


def human(us):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3g} {unit}"
    return f"{us:.3g} us" if us >= 1 else f"{us * 1e3:.3g} ns"


def floors(row):
    """The other side of a ratio: what the benchmark measured beside it."""
    parts = []
    for key, value in row.items():
        match = re.fullmatch(r"(bare|status|peer|floor)_(us|ms)", key)
        if match:
            parts.append(f"{match[1]} {human(value * TO_US[match[2]])}")
    return ", ".join(parts)


def benchmark_rows(directory):
    rows = []
    for path in sorted(glob.glob(os.path.join(directory, "*.json"))):
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except ValueError:  # the benchmark was interrupted
            print(f"{path} is not whole, leaving it out", file=sys.stderr)
            continue
        if "benchmarks" not in data:
            continue
        thing = os.path.basename(path)[:-5]
        for row in data["benchmarks"]:
            if row.get("run_type") == "aggregate" or row.get("error_occurred"):
                continue
            time_us = row["real_time"] * TO_US[row["time_unit"]]
            name = re.sub(r"/(manual_time|real_time|iterations:\d+)", "", row["name"])
            rows.append({"thing": thing, "name": name, "us": time_us, "floor": floors(row),
                         "ratio": row.get("ratio")})
    return rows


def series(rows):
    """Benchmarks measured at several N: name -> [(N, us)]."""
    found = {}
    for row in rows:
        match = re.fullmatch(r"(.*?)/(?:[a-z]+:)?(\d+)", row["name"])
        if match and int(match[2]) > 0:
            found.setdefault(f"{row['thing']}: {match[1]}", []).append((int(match[2]), row["us"]))
    return {name: sorted(points) for name, points in found.items() if len(points) >= 3}


def exponent(points):
    (n0, t0), (n1, t1) = points[0], points[-1]
    return math.log(t1 / t0) / math.log(n1 / n0)


def svg(lines):
    """Time over N, both logarithmic."""
    width, height, left, bottom, top, right = 860, 480, 80, 50, 30, 300
    points = [p for line in lines.values() for p in line]
    low_n, high_n = (f(math.log10(n) for n, _ in points) for f in (min, max))
    low_t = math.floor(min(math.log10(t) for _, t in points))
    high_t = math.ceil(max(math.log10(t) for _, t in points))

    def x(n):
        return left + (math.log10(n) - low_n) / max(high_n - low_n, 1e-9) * (width - left - right)

    def y(t):
        span = max(high_t - low_t, 1)
        return height - bottom - (math.log10(t) - low_t) / span * (height - bottom - top)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="18" font-size="14">Time of one pass over N</text>']
    for power in range(low_t, high_t + 1):
        at = y(10 ** power)
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}" '
                   f'stroke="#ddd"/><text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">'
                   f'{human(10.0 ** power)}</text>')
    for power in range(math.ceil(low_n), math.floor(high_n) + 1):
        at = x(10 ** power)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{height - bottom}" '
                   f'stroke="#ddd"/><text x="{at:.1f}" y="{height - bottom + 18}" '
                   f'text-anchor="middle">{10 ** power:,}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">N'
               '</text>')
    for i, (name, line) in enumerate(sorted(lines.items())):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{x(n):.1f},{y(t):.1f}" for n, t in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(n):.1f}" cy="{y(t):.1f}" r="3" fill="{colour}"/>' for n, t in line]
        at = top + 16 + 18 * i
        out.append(f'<rect x="{width - right + 16}" y="{at - 9}" width="12" height="10" '
                   f'fill="{colour}"/><text x="{width - right + 34}" y="{at}">{html.escape(name)}, '
                   f'N^{exponent(line):.2f}</text>')
    return "\n".join(out + ["</svg>\n"])


def agent_rows(figures):
    peer = figures.get("prometheus-node-exporter")
    lines = ["", "| the whole agent | start | RSS | scrape | bytes | RSS to node-exporter |",
             "|---|---|---|---|---|---|"]
    for name, row in figures.items():
        if "rss_mib" not in row:
            continue
        ratio = f"{row['rss_mib'] / peer['rss_mib']:.2f}" if peer else ""
        lines.append(f"| {name} | {row['start_ms']:.0f} ms | {row['rss_mib']:.1f} MiB | "
                     f"{row['scrape_ms']:.2f} ms | {row['scrape_bytes']} | {ratio} |")
    shot = figures.get("one-shot")
    if shot:
        lines += ["", f"One `audit` of {shot['processes']} processes {shot['audit_ms']:.0f} ms; "
                  f"`grep Seccomp` over the same {shot['grep_ms']:.0f} ms "
                  f"(ratio {shot['audit_ms'] / shot['grep_ms']:.2f}); a process that only prints its "
                  f"version {shot['version_ms']:.0f} ms."]
    return lines


def main(argv):
    directory = argv[1]
    rows = benchmark_rows(directory)
    lines = ["| benchmark | time | measured beside it | ratio |", "|---|---|---|---|"]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(f"| {row['thing']}: {row['name']} | {human(row['us'])} | {row['floor']} | {ratio} |")
    agent = os.path.join(directory, "agent.json")
    if os.path.exists(agent):
        with open(agent, encoding="utf-8") as file:
            lines += agent_rows(json.load(file))
    noticing = os.path.join(directory, "noticing.json")
    if os.path.exists(noticing):
        with open(noticing, encoding="utf-8") as file:
            seen = json.load(file)
        first = seen["first_verdict_ms"]
        lines += ["", f"First verdict of a new container, cold: best {first['best']:.0f} ms, median {first['median']:.0f} ms, "
                      f"worst {first['worst']:.0f} ms after its program runs. Idle with {seen['containers']} containers: "
                      f"{seen['idle_cpu_percent']:.3f} % of a core over {seen['idle_seconds']} s."]
    grown = series(rows)
    if grown:
        lines += ["", "Growth with N (1.00 is linear): " + "; ".join(
            f"{name} N^{exponent(points):.2f}" for name, points in sorted(grown.items())) + "."]
        with open(os.path.join(directory, "growth.svg"), "w", encoding="utf-8") as file:
            file.write(svg(grown))
        with open(os.path.join(directory, "growth.data"), "w", encoding="utf-8") as file:
            json.dump(grown, file, indent=1)
    text = "\n".join(lines) + "\n"
    with open(os.path.join(directory, "report.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main(sys.argv)
