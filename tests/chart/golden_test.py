# SPDX-License-Identifier: Apache-2.0
"""Each case renders to its golden file, byte for byte, with both majors of Helm. --update writes them."""
import sys
import unittest

import chart

GOLDEN = chart.CASES.parent / "golden"


class Golden(unittest.TestCase):
    maxDiff = 4000

    def test_every_case_renders_to_its_golden_file_with_both_helms(self):
        for case in chart.cases():
            wanted = (GOLDEN / case.name).read_text()
            for major in (3, 4):
                with self.subTest(case=case.stem, helm=major):
                    self.assertEqual(chart.template(["-f", str(case)], major=major), wanted)

    def test_every_golden_file_has_a_case(self):
        self.assertEqual([g.name for g in sorted(GOLDEN.glob("*.yaml"))], [c.name for c in chart.cases()])

    def test_lint_finds_nothing_with_both_helms(self):
        for major in (3, 4):
            for case in chart.cases():
                with self.subTest(case=case.stem, helm=major):
                    run = chart.helm(major, "lint", "--strict", str(chart.CHART), "-f", str(case))
                    self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        for one in chart.cases():
            (GOLDEN / one.name).write_text(chart.template(["-f", str(one)]))
    else:
        chart.main()
