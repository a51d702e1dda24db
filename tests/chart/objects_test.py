# SPDX-License-Identifier: Apache-2.0
"""Every rendered object and every sample is one that Kubernetes knows: types, required fields, and no
field that the schema has not. Schemas: the npm package kubernetes-models, made from Kubernetes' OpenAPI."""
import json
import subprocess
import unittest

import chart

# Kinds without a published schema here; their syntax is all that is checked.
UNCHECKED = {"SecurityContextConstraints", "ClusterPodMonitoring", "ClusterPolicy",
             "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}


def problems(objects):
    run = subprocess.run(["node", str(chart.CASES.parent / "objects.mjs"), str(chart.TOOLS)], text=True,
                         input=json.dumps(objects), capture_output=True, timeout=60, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


class Objects(unittest.TestCase):
    def test_every_rendered_object_is_valid(self):
        for case in chart.cases():
            objects = [o for o in chart.render(["-f", str(case)]) if o["kind"] not in UNCHECKED]
            with self.subTest(case=case.stem):
                self.assertGreaterEqual(len(objects), 5)
                self.assertEqual(problems(objects), [])

    def test_samples_are_valid(self):
        objects = []
        for sample in sorted((chart.CHART / "samples").glob("*.yaml")):
            objects += chart.documents(sample.read_text())
        self.assertGreaterEqual(len(objects), 5)
        self.assertEqual(problems([o for o in objects if o["kind"] not in UNCHECKED]), [])

    def test_the_check_itself_sees_a_typo_and_a_wrong_type(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
               "spec": {"containers": [{"name": "c", "imagee": "x"}], "hostPID": "yes"}}
        found = "\n".join(problems([pod]))
        self.assertIn("/spec/containers/0/imagee", found)
        self.assertIn("/spec/hostPID", found)


if __name__ == "__main__":
    chart.main()
