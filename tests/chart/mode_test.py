# SPDX-License-Identifier: Apache-2.0
"""The modes of the chart, as a real agent lives them."""
import signal
import subprocess
import time
import unittest

import live


class Mode(unittest.TestCase):
    def test_audit_writes_nothing_and_still_judges(self):
        with live.Node("--mode=audit", "--source=dir:/nonexistent") as node:
            node.wait(lambda: "not_enforced" in node.get("/")[1], "no finding appears")
            self.assertEqual(node.get("/livez")[0], 200)
            self.assertEqual(list((node.path / "seccomp").iterdir()), [])
            self.assertIn("seccompd_profiles_desired 0\n", node.get("/metrics")[1])

    def test_audit_compares_with_the_files_that_another_tool_put_there(self):
        node = live.Node("--mode=audit")
        node.write("seccomp/web/pay.json", '{"defaultAction": "SCMP_ACT_ALLOW"}')
        with node:
            node.wait(lambda: "not_enforced" in node.get("/metrics")[1], "no verdict")
            self.assertIn('seccompd_unserved_references{reason="missing"} 0', node.get("/metrics")[1])

    def test_install_installs_and_judges_nothing(self):
        with live.Node("--mode=install") as node:
            self.assertTrue((node.path / "seccomp" / "web" / "pay.json").exists())
            time.sleep(1.5)  # an audit would have come by
            self.assertNotIn("seccompd_audit_last_success_timestamp_seconds ", node.get("/metrics")[1])
            self.assertEqual(node.get("/readyz")[0], 200)

    def test_install_needs_no_cgroup_tree(self):
        with live.Node("--mode=install", "--path.cgroupfs=/nonexistent") as node:
            self.assertTrue((node.path / "seccomp" / "web" / "pay.json").exists())
            self.assertNotIn('"msg":"evidence"', node.log())

    def test_the_socket_can_be_left_out(self):
        with live.Node("--socket=", "--web.detail") as node:
            self.assertNotIn("cannot", node.log())
            self.assertFalse((node.path / "run").exists())
            self.assertIn("web/pay.json", node.get("/")[1])

    def test_minimal_metrics_leave_out_histograms(self):
        with live.Node("--metrics.level=minimal") as node:
            node.wait(lambda: "not_enforced" in node.get("/metrics")[1], "no verdict")
            text = node.get("/metrics")[1]
            self.assertNotIn("_bucket", text)
            self.assertLess(len([line for line in text.splitlines() if not line.startswith("#")]), 75)

    def test_wait_ends_when_it_is_told_to(self):
        child = subprocess.Popen([live.BINARY, "wait"])
        time.sleep(3)  # it blocks the signals first
        self.assertIsNone(child.poll())
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(20), 0)


if __name__ == "__main__":
    unittest.main(verbosity=0)
