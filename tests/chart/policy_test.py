# SPDX-License-Identifier: Apache-2.0
"""The CEL of the node gate's guard and of the samples, run against objects: who gets through, who does not."""
import copy
import json
import subprocess
import unittest

import chart

AGENT = "system:serviceaccount:seccompd:seccompd"
KEY = "startup-taint.cluster-autoscaler.kubernetes.io/seccompd-not-ready"
OURS = {"key": KEY, "effect": "NoSchedule"}
GPU = {"key": "nvidia.com/gpu", "effect": "NoSchedule", "value": "present"}
NODE = {"metadata": {"name": "a-17", "labels": {"pool": "a"}},
        "spec": {"taints": [OURS, GPU], "podCIDR": "10.0.0.0/24"}, "status": {"phase": "x"}}


def cel(**work):
    run = subprocess.run(["node", str(chart.CASES.parent / "cel.mjs"), str(chart.TOOLS)], input=json.dumps(work),
                         text=True, capture_output=True, timeout=60, check=True)
    return json.loads(run.stdout)


def request(user=AGENT, node="a-17"):
    extra = {"authentication.kubernetes.io/node-name": [node]} if node else {}
    return {"userInfo": {"username": user, "extra": extra}}


def changed(base=None, **spec):
    node = copy.deepcopy(base or NODE)
    node["spec"].update(spec)
    return node


def sample(name):
    return chart.documents((chart.CHART / "samples" / f"{name}.yaml").read_text())


class NodeGateGuard(unittest.TestCase):
    def setUp(self):
        objects = chart.render(["--set", "nodeGate.mode=taint"])
        (self.policy,) = chart.of_kind(objects, "ValidatingAdmissionPolicy")

    def judge(self, new, old=None, **who):
        (result,) = cel(run=[{"policy": self.policy["spec"], "request": request(**who), "object": new,
                              "oldObject": old or NODE}])["runs"]
        return result

    def test_the_agent_may_remove_its_taint_from_its_own_node(self):
        self.assertEqual(self.judge(changed(taints=[GPU])), [])

    def test_the_last_taint_may_go_with_its_list(self):
        old, new = changed(taints=[OURS]), changed()
        del new["spec"]["taints"]
        self.assertEqual(self.judge(new, old), [])

    def test_of_another_node_it_may_not(self):
        self.assertEqual(self.judge(changed(taints=[GPU]), node="a-18"),
                         ["an agent may change only the node it runs on"])

    def test_a_token_without_node_may_change_nothing(self):
        self.assertEqual(self.judge(changed(taints=[GPU]), node=None),
                         ["an agent may change only the node it runs on"])

    def test_other_taints_stay_and_none_is_added(self):
        only = ["an agent may only remove its own start-up taint"]
        self.assertEqual(self.judge(changed(taints=[])), only)
        self.assertEqual(self.judge(changed(taints=[GPU, {"key": "x", "effect": "NoExecute"}])), only)
        self.assertEqual(self.judge(changed(taints=[{**GPU, "value": "none"}])), only)

    def test_labels_scheduling_and_status_stay(self):
        labelled = changed(taints=[GPU])
        labelled["metadata"]["labels"]["pool"] = "b"
        self.assertEqual(self.judge(labelled), ["an agent may not change a node's metadata, but for one taint"])
        annotated = changed(taints=[GPU])
        annotated["metadata"]["annotations"] = {"a": "b"}
        self.assertEqual(self.judge(annotated), ["an agent may not change a node's metadata, but for one taint"])
        self.assertEqual(self.judge(changed(taints=[GPU], unschedulable=True)),
                         ["an agent may not change a node's spec, but for one taint"])
        status = changed(taints=[GPU])
        status["status"]["phase"] = "y"
        self.assertEqual(self.judge(status), ["an agent may not change a node's status, but for one taint"])

    def test_nobody_else_is_concerned(self):
        self.assertEqual(self.judge(changed(unschedulable=True), user="system:node:a-17"), "not matched")


def pod(pod_profile=None, privileged=None, container_profile=None):
    context = {}
    if privileged is not None:
        context["privileged"] = privileged
    if container_profile:
        context["seccompProfile"] = container_profile
    spec = {"containers": [{"name": "c", **({"securityContext": context} if context else {})}]}
    if pod_profile:
        spec["securityContext"] = {"seccompProfile": pod_profile}
    return {"spec": spec}


WEB = {"type": "Localhost", "localhostProfile": "web/no-alg.json"}


class Samples(unittest.TestCase):
    def test_the_validating_policy_lets_through_only_pods_under_the_profile(self):
        policy = sample("validating-admission-policy")[0]["spec"]
        other = {"type": "RuntimeDefault"}
        pods = [(pod(WEB), 0), (pod(container_profile=WEB), 0), (pod(WEB, privileged=False), 0),
                (pod(), 1), (pod(other), 1), (pod(WEB, container_profile=other), 1),
                (pod({**WEB, "localhostProfile": "web/x.json"}), 1), (pod(WEB, privileged=True), 1)]
        runs = cel(run=[{"policy": policy, "object": p} for p, _ in pods])["runs"]
        self.assertEqual([len(r) for r in runs], [n for _, n in pods], runs)

    def test_an_init_and_an_ephemeral_container_count(self):
        policy = sample("validating-admission-policy")[0]["spec"]
        bad = {"name": "x", "securityContext": {"privileged": True}}
        for kind in ("initContainers", "ephemeralContainers"):
            one = pod(WEB)
            one["spec"][kind] = [bad]
            (run,) = cel(run=[{"policy": policy, "object": one}])["runs"]
            self.assertEqual(run, ["a privileged container runs without any seccomp filter"])

    def test_the_mutating_policy_is_well_formed_and_spares_who_asks(self):
        policy, binding = sample("mutating-admission-policy")
        self.assertEqual(binding["spec"]["policyName"], policy["metadata"]["name"])
        expressions = [m["applyConfiguration"]["expression"] for m in policy["spec"]["mutations"]]
        self.assertEqual(cel(parse=expressions)["errors"], [])
        conditions = {"matchConditions": policy["spec"]["matchConditions"], "validations": []}
        runs = cel(run=[{"policy": conditions, "object": p} for p in (
            pod(), pod(WEB), {"spec": {"os": {"name": "windows"}, "containers": []}})])["runs"]
        self.assertEqual(runs, [[], "not matched", "not matched"])

    def test_the_kyverno_policy_names_the_same_profile_everywhere(self):
        (policy,) = sample("kyverno")
        text = json.dumps(policy)
        self.assertEqual(text.count('"localhostProfile": "web/no-alg.json"'), 5)
        self.assertEqual([sorted(r) for r in policy["spec"]["rules"]],
                         [["match", "mutate", "name"], ["match", "name", "validate"]])

    def test_a_broken_expression_is_seen(self):
        self.assertEqual(len(cel(parse=["a ==", "a == 1"])["errors"]), 1)


if __name__ == "__main__":
    chart.main()
