# SPDX-License-Identifier: Apache-2.0
"""The rules: checked and unit-tested by promtool, on series that exist, each alert with its command and
its section of the runbook."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
CHART = ROOT / "charts" / "seccompd"
RULES = CHART / "files" / "rules.yaml"
BINARY = os.environ.get("SECCOMPD_BINARY", str(ROOT / "build" / "dev" / "agent" / "seccompd"))
# Series of others that the rules use where they exist.
FOREIGN = {"up", "kube_node_info", "kube_daemonset_status_desired_number_scheduled"}


def groups():
    return yaml.safe_load(RULES.read_text())["groups"]


def alerts():
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def declared():
    """Series of the binary's own table, those of histograms included."""
    table = subprocess.run([BINARY, "metrics"], capture_output=True, text=True, timeout=20, check=True).stdout
    names = set()
    for name, kind in re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", table, re.MULTILINE):
        names |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def series_of(expression):
    """Names of series in a query: what is neither a string, a label list, a function nor a keyword."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])", bare)
    return {n for n in names if n not in ("and", "or", "unless", "bool", "offset", "e", "Inf", "NaN")}


def run_cases(name, rules):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "rules.yaml").write_text(rules)
        (path / "cases.yaml").write_text((HERE / name).read_text())
        return subprocess.run(["promtool", "test", "rules", "cases.yaml"], cwd=folder, capture_output=True, text=True,
                              timeout=120, check=False)


class Rules(unittest.TestCase):
    def test_promtool_accepts_them(self):
        run = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, timeout=60,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_every_case_holds(self):
        bare = yaml.safe_load(RULES.read_text())
        for group in bare["groups"]:
            for rule in group["rules"]:
                rule.pop("annotations", None)
        run = run_cases("rules_cases.yaml", yaml.safe_dump(bare))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_the_texts_arrive_as_meant(self):
        run = run_cases("annotations_cases.yaml", RULES.read_text())
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_every_alert_has_a_case_in_which_it_fires(self):
        fired = set()
        for test in yaml.safe_load((HERE / "rules_cases.yaml").read_text())["tests"]:
            fired |= {case["alertname"] for case in test.get("alert_rule_test", []) if case["exp_alerts"]}
        self.assertEqual(fired, {rule["alert"] for rule in alerts()})

    def test_every_series_exists(self):
        recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
        for group in groups():
            for rule in group["rules"]:
                with self.subTest(rule=rule.get("alert") or rule["record"]):
                    self.assertEqual(series_of(rule["expr"]) - declared() - recorded - FOREIGN, set())

    def test_every_alert_and_ratio_works_at_metrics_level_minimal(self):
        table = subprocess.run([BINARY, "metrics"], capture_output=True, text=True, timeout=20, check=True).stdout
        full_only = set(re.findall(r"^\| `([a-z_]+)` .* Level `full` only\. \|$", table, re.MULTILINE))
        self.assertGreater(len(full_only), 10)
        full_only -= {"rest_client_requests_total"}  # minimal: those answered 429, which is what the alert reads
        for group in groups():
            for rule in group["rules"]:
                with self.subTest(rule=rule.get("alert") or rule["record"]):
                    self.assertEqual(series_of(rule["expr"]) & full_only, set())

    def test_every_alert_says_what_where_and_how_to_look(self):
        runbook = (CHART / "RUNBOOK.md").read_text()
        for rule in alerts():
            with self.subTest(alert=rule["alert"]):
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "command", "runbook"})
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(rule["annotations"]["runbook"], f"RUNBOOK.md#{rule['alert'].lower()}")
                self.assertIn(f"\n## {rule['alert']}\n", runbook)
                self.assertRegex(rule["annotations"]["command"], r"^(kubectl|promtool) ")

    def test_the_runbook_has_no_section_for_an_alert_that_is_gone(self):
        sections = re.findall(r"^## (Seccompd\w+)$", (CHART / "RUNBOOK.md").read_text(), re.MULTILINE)
        self.assertEqual(sections, [rule["alert"] for rule in alerts()])

    def test_the_dashboard_asks_for_series_that_exist(self):
        recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
        dashboard = json.loads((CHART / "files" / "dashboard.json").read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                with self.subTest(panel=panel["title"]):
                    self.assertEqual(series_of(target["expr"]) - declared() - recorded, set())

    def test_names_are_taken_from_a_query_as_they_should(self):
        self.assertEqual(series_of('sum by (a, b) (rate(x_total{c="d_e"}[5m])) / on (f) y:z:sum > 0 or vector(0)'),
                         {"x_total", "y:z:sum"})


if __name__ == "__main__":
    unittest.main(verbosity=0)
