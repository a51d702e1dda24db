# SPDX-License-Identifier: Apache-2.0
"""Parts of documents that are made from the program and the chart. --update writes them anew."""
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SECCOMPD_BINARY", str(ROOT / "build" / "dev" / "agent" / "seccompd"))


def metrics_table():
    return subprocess.run([BINARY, "metrics"], capture_output=True, text=True, timeout=20, check=True).stdout


def values_table():
    """Rows from values.yaml: the comment above a key explains it, for a key of an object with its path."""
    text = (ROOT / "charts" / "seccompd" / "values.yaml").read_text()
    rows, comment, parent = [], [], ""
    for line in text.splitlines()[2:]:
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped[1:].strip())
            continue
        indented = line.startswith("  ")
        key, colon, value = stripped.partition(":")
        if colon and not stripped.startswith("-") and (not indented or parent):
            value = value.strip()
            parent = parent if indented else "" if value else key
            if comment or value:
                name = f"{parent}.{key}" if indented else key
                rows.append((name, value, " ".join(comment)))
        comment = []
    table = "| value | default | meaning |\n|---|---|---|\n"
    for name, value, meaning in rows:
        table += f"| `{name}` | `{value or '(below)'}` | {meaning} |\n"
    return table


# Document, the line that begins the part, the line that ends it, what stands between.
PARTS = [
    ("README.md", "<!-- seccompd metrics -->\n", "<!-- end -->\n", metrics_table),
    ("charts/seccompd/README.md", "<!-- values.yaml -->\n", "<!-- end -->\n", values_table),
]


def split(document, first, last):
    head, rest = (ROOT / document).read_text().split(first, 1)
    middle, tail = rest.split(last, 1)
    return head + first, middle, last + tail


class Generated(unittest.TestCase):
    maxDiff = 4000

    def test_every_generated_part_is_up_to_date(self):
        for document, first, last, make in PARTS:
            with self.subTest(document=document):
                self.assertEqual(split(document, first, last)[1], make(), "run generated_test.py --update")

    def test_every_value_of_the_chart_is_explained(self):
        for row in values_table().splitlines()[2:]:
            self.assertNotIn("|  |", row)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        for document, first, last, make in PARTS:
            head, _, tail = split(document, first, last)
            (ROOT / document).write_text(head + make() + tail)
    else:
        unittest.main()
