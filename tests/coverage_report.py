# SPDX-License-Identifier: Apache-2.0
"""Sums gcovr's JSON by folder and half. Usage: coverage_report.py COVERAGE.JSON LAYERS.TXT

The I/O half of a folder are the files that layers.txt lets make system calls (`group io`) and those that
read the network or /proc through them (`group shells`); all others are pure and must reach LEAST_PURE percent of lines.
Exit 1 if one does not.
"""
import collections
import fnmatch
import json
import re
import sys

LEAST_PURE = 95.0


def io_globs(layers):
    """The globs of the groups that are not pure, each made of one line or several."""
    globs = []
    for line in layers:
        if line.startswith(("group io :", "group shells :")):
            globs += [word for word in line.split(":", 1)[1].split() if not word.startswith("$")]
    return globs


def main(argv):
    with open(argv[1], encoding="utf-8") as file:
        files = json.load(file)["files"]
    with open(argv[2], encoding="utf-8") as file:
        globs = io_globs(file)
    folders = collections.defaultdict(lambda: [0, 0, 0, 0])
    worst = []
    for entry in files:
        path = entry["file"]
        # A header is of the half of its source.
        half = "I/O" if any(fnmatch.fnmatch(name, glob) for glob in globs
                            for name in (path, re.sub(r"\.h$", ".cc", path))) else "pure"
        if path.startswith("agent/"):
            half = "I/O"
        lines = [line["count"] for line in entry["lines"] if not line.get("gcovr/noncode")]
        branches = [b["count"] for line in entry["lines"] for b in line["branches"]]
        if not lines:
            continue
        sums = folders[("/".join(path.split("/")[:2]) if path.startswith("common") else "agent", half)]
        for i, value in enumerate((sum(c > 0 for c in lines), len(lines),
                                   sum(c > 0 for c in branches), len(branches))):
            sums[i] += value
        if half == "pure":
            worst.append((sum(c > 0 for c in lines) / len(lines), len(lines), path))
    short = []
    print(f"{'folder':<20}{'half':<6}{'lines':>8}{'covered':>10}{'branches':>10}{'covered':>10}")
    for (folder, half), (hit, lines, taken, branches) in sorted(folders.items()):
        share = 100 * hit / lines
        taken_share = 100 * taken / branches if branches else 100.0
        mark = ""
        if half == "pure" and share < LEAST_PURE:
            mark = f"  below {LEAST_PURE:.0f} %"
            short.append(folder)
        print(f"{folder:<20}{half:<6}{lines:>8}{share:>9.1f}%{branches:>10}{taken_share:>9.1f}%{mark}")
    print("least covered pure files:")
    for share, lines, path in sorted(worst)[:8]:
        print(f"  {100 * share:5.1f} % of {lines:4} lines  {path}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
