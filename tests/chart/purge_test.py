# SPDX-License-Identifier: Apache-2.0
"""The one-shot purge as the chart renders it: its init container's very command line, with a pod's environment, on a
folder in which a real agent has installed profiles."""
import os
import signal
import subprocess

import chart
import live


class Purged(live.ClusterNode):
    """The folder is a kubelet's root, so that the chart's own path leads to the seccomp directory."""

    def __init__(self):
        super().__init__("--mode=install", "--seccomp-root={path}/kubelet/seccomp")

    def prepare(self):
        super().prepare()
        (self.path / "kubelet" / "seccomp").mkdir(parents=True)
        self.write("kubelet/seccomp/foreign.json", "{}")

    def end_agent(self):
        self.children[-1].send_signal(signal.SIGTERM)
        self.children[-1].wait(20)

    def files(self):
        root = self.path / "kubelet" / "seccomp"
        return sorted(str(f.relative_to(root)) for f in root.rglob("*.json"))

    def purge(self, *values):
        objects = chart.render(["--set", "purge.enabled=true", "--set", f"kubeletRoot={self.path}/kubelet", *values])
        (purger,) = chart.of_kind(objects, "DaemonSet", "seccompd-purge")
        (container,) = purger["spec"]["template"]["spec"]["initContainers"]
        environment = {**os.environ, "NODE_NAME": "n1", "KUBECONFIG": f"{self.path}/kubeconfig"}
        return subprocess.run([live.BINARY, *container["args"]], env=environment, capture_output=True, text=True,
                              timeout=60, check=False)


class Purge(chart.unittest.TestCase):
    def test_it_fails_beside_an_agent_then_keeps_what_is_in_use_then_removes_the_rest(self):
        with Purged() as node:
            self.assertEqual(node.files(), ["foreign.json", "web/pay.json"])
            beside = node.purge()
            self.assertEqual(beside.returncode, 2, beside.stderr)  # the kubelet starts it again
            node.end_agent()
            kept = node.purge()
            self.assertEqual((kept.returncode, node.files()), (0, ["foreign.json", "web/pay.json"]), kept.stderr)
            self.assertIn("kept     web/pay.json", kept.stdout)
            node.api.objects["pods"]["items"] = []
            gone = node.purge()
            self.assertEqual((gone.returncode, node.files()), (0, ["foreign.json"]), gone.stderr)
            self.assertIn("removed  web/pay.json", gone.stdout)

    def test_without_an_answer_it_removes_nothing_and_fails(self):
        with Purged() as node:
            node.end_agent()
            del node.api.objects["pods"]  # 404
            run = node.purge()
            self.assertNotEqual(run.returncode, 0)
            self.assertEqual(node.files(), ["foreign.json", "web/pay.json"])

    def test_without_pods_only_force_removes(self):
        with Purged() as node:
            node.end_agent()
            self.assertEqual(node.purge("--set", "pods=none").returncode, 1)
            self.assertEqual(node.files(), ["foreign.json", "web/pay.json"])
            self.assertEqual(node.purge("--set", "pods=none", "--set", "purge.force=true").returncode, 0)
            self.assertEqual(node.files(), ["foreign.json"])


if __name__ == "__main__":
    chart.main()
