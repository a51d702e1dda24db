# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes a real agent: every query of the dashboard and every rule returns data."""
import json
import math
import socket
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

import live

CHART = live.ROOT / "charts" / "seccompd"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, node):
        self.node, self.port = node, free_port()

    def __enter__(self):
        self.node.write("prometheus.yml", f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{CHART}/files/rules.yaml]
scrape_configs:
- job_name: seccompd
  honor_labels: true
  static_configs: [{{targets: ["{self.node.address}"]}}]
""")
        log = open(self.node.path / "prometheus.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.node.path}/prometheus.yml",
             f"--storage.tsdb.path={self.node.path}/tsdb", f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=log, stderr=log)
        log.close()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def api(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from error
        except (ConnectionError, urllib.error.URLError):
            return {"result": [], "activeTargets": [], "groups": []}

    def values(self, query):
        return [float(sample["value"][1]) for sample in self.api("query", query=query)["result"]]

    def has_data(self, query):
        return any(not math.isnan(value) for value in self.values(query))


class Live(unittest.TestCase):
    def test_every_query_of_the_dashboard_and_every_rule_returns_data(self):
        dashboard = json.loads((CHART / "files" / "dashboard.json").read_text())
        queries = {(panel["title"], target["expr"]) for panel in dashboard["panels"]
                   for target in panel.get("targets", [])}
        self.assertGreater(len(queries), 25)
        with live.ClusterNode() as node, Prometheus(node) as prometheus:
            pending, end = set(queries), time.monotonic() + 60
            while pending and time.monotonic() < end:
                pending = {q for q in pending if not prometheus.has_data(q[1])}
                time.sleep(0.5)
            self.assertEqual(pending, set(), "these queries return nothing")
            (target,) = prometheus.api("targets")["activeTargets"]
            self.assertEqual((target["health"], target["lastError"]), ("up", ""))
            for group in prometheus.api("rules")["groups"]:
                for rule in group["rules"]:
                    self.assertEqual((rule["name"], rule["health"], rule.get("lastError", "")),
                                     (rule["name"], "ok", ""))
            self.assertEqual(prometheus.values("cluster:seccompd_nodes_reporting:count"), [1])
            self.assertEqual(prometheus.values("cluster:seccompd_nodes_existing:count"), [1])
            self.assertEqual(prometheus.values(
                'seccompd_container_violation{namespace="shop",pod="pay-0",container="app",verdict="not_enforced"}'), [1])


if __name__ == "__main__":
    unittest.main(verbosity=0)
