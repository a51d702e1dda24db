# SPDX-License-Identifier: Apache-2.0
"""What a security reviewer checks in the rendered manifests, and the README's privileges table."""
import functools
import re
import subprocess
import unittest

import chart

README = (chart.ROOT / "README.md").read_text()


def privileges_table():
    """Rows of the README's section: mode, values, capabilities, host access."""
    section = re.split(r"\n##+ ", README.split("\n## Privileges\n", 1)[1], maxsplit=1)[0]
    for line in section.splitlines():
        if line.startswith("|") and "`" in line.split("|")[2]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def host_paths(pod):
    """Every host path in use: path -> writable somewhere."""
    volumes = {v["name"]: v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v}
    found = {}
    for container in pod.get("initContainers", []) + pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] in volumes:
                path = volumes[mount["name"]]
                found[path] = found.get(path, False) or not mount.get("readOnly", False)
    return found


def every_pod(objects):
    for kind in ("DaemonSet", "Deployment", "Job"):
        for owner in chart.of_kind(objects, kind):
            yield owner["metadata"]["name"], owner["spec"]["template"]["spec"]
    for pod in chart.of_kind(objects, "Pod"):
        yield pod["metadata"]["name"], pod["spec"]


@functools.cache
def flags_of(command):
    """Of a command of the binary; empty if it has no such command."""
    def help_of(*arguments):
        return subprocess.run([chart.BINARY, *arguments, "--help"], capture_output=True, text=True, timeout=20,
                              check=True).stdout

    if not re.search(rf"^  {command} ", help_of(), re.MULTILINE):
        return set()
    return set(re.findall(r"--[a-z][a-z.-]*", help_of(command)))


def awaited():
    """What the chart passes and the agent does not take yet; a line goes as soon as it does."""
    lines = (chart.CASES.parent / "awaited.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def all_cases():
    for case in chart.cases():
        yield case.stem, chart.render(["-f", str(case)])


class Privileges(unittest.TestCase):
    def test_every_row_of_the_readme_is_what_the_chart_renders(self):
        rows = list(privileges_table())
        self.assertGreaterEqual(len(rows), 5)
        for mode, values, capabilities, access, *_ in rows:
            with self.subTest(mode=mode):
                arguments = []
                for value in quoted(values):
                    arguments += ["--set", value.replace(": ", "=")]
                pod = chart.agent_pod(chart.render(arguments))
                context = pod["containers"][0]["securityContext"]
                self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                self.assertEqual([f"CAP_{c}" for c in context["capabilities"].get("add", [])],
                                 quoted(capabilities))
                self.assertEqual(pod.get("hostPID", False), "hostPID" in access)
                said = {path: word == "rw" for word, path in re.findall(r"(rw|ro) `([^`]+)`", access)}
                self.assertEqual(host_paths(pod), said)

    def test_the_binary_takes_every_command_and_flag_of_the_chart(self):
        unknown = set()
        for _, objects in all_cases():
            for _, pod in every_pod(objects):
                for container in pod.get("initContainers", []) + pod["containers"]:
                    self.assertTrue(container["image"].startswith(("localhost/seccompd", "registry.example.com:5000")))
                    command, *flags = container["args"]
                    known = flags_of(command)
                    if not known:
                        unknown.add(command)
                    unknown |= {f"{command} {flag.split('=')[0]}" for flag in flags
                                if flag.startswith("--") and flag.split("=")[0] not in known}
        self.assertEqual(unknown, awaited())


class Review(unittest.TestCase):
    def test_no_container_is_privileged_or_can_become_more(self):
        for name, objects in all_cases():
            for pod_name, pod in every_pod(objects):
                for container in pod.get("initContainers", []) + pod["containers"]:
                    with self.subTest(case=name, pod=pod_name):
                        context = container["securityContext"]
                        self.assertIs(context["privileged"], False)
                        self.assertIs(context["allowPrivilegeEscalation"], False)
                        self.assertIs(context["readOnlyRootFilesystem"], True)
                        self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                        self.assertLessEqual(set(context["capabilities"].get("add", [])), {"BPF", "PERFMON"})
                        self.assertIn("limits", container["resources"])
                        self.assertIn("memory", container["resources"]["limits"])

    def test_every_pod_runs_under_the_runtimes_default_filter(self):
        for name, objects in all_cases():
            for pod_name, pod in every_pod(objects):
                with self.subTest(case=name, pod=pod_name):
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    for container in pod["containers"]:
                        self.assertNotIn("seccompProfile", container["securityContext"])

    def test_no_pod_shares_the_hosts_network_ipc_or_users(self):
        for name, objects in all_cases():
            for pod_name, pod in every_pod(objects):
                with self.subTest(case=name, pod=pod_name):
                    self.assertFalse(pod.get("hostNetwork", False))
                    self.assertFalse(pod.get("hostIPC", False))
                    self.assertNotIn("hostUsers", pod)
                    for container in pod["containers"]:
                        for port in container.get("ports", []):
                            self.assertNotIn("hostPort", port)

    def test_only_the_seccomp_directory_is_writable_and_nothing_wider_is_mounted(self):
        allowed = re.compile(r"^(.*/seccomp|/sys/fs/cgroup|/run/containerd/io\.containerd\.runtime\.v2\.task/k8s\.io"
                             r"|/run/containers/storage/overlay-containers)$")
        for name, objects in all_cases():
            for pod_name, pod in every_pod(objects):
                for path, writable in host_paths(pod).items() if "volumes" in pod else ():
                    with self.subTest(case=name, pod=pod_name, path=path):
                        self.assertRegex(path, allowed)
                        if writable:
                            self.assertTrue(path.endswith("/seccomp"))

    def test_no_role_reads_secrets_writes_configmaps_or_uses_wildcards(self):
        for name, objects in all_cases():
            for role in chart.of_kind(objects, "ClusterRole") + chart.of_kind(objects, "Role"):
                for rule in role["rules"]:
                    with self.subTest(case=name, role=role["metadata"]["name"], rule=rule):
                        flat = rule["apiGroups"] + rule["resources"] + rule["verbs"]
                        self.assertNotIn("*", flat)
                        self.assertNotIn("secrets", rule["resources"])
                        self.assertNotIn("nodes/proxy", rule["resources"])
                        self.assertFalse({"escalate", "bind", "impersonate", "delete", "deletecollection"}
                                         & set(rule["verbs"]))
                        if set(rule["verbs"]) & {"create", "patch", "update"}:
                            self.assertIn(rule["resources"], (["events"], ["nodes"]))

    def test_only_the_node_gate_may_patch_nodes_and_then_a_policy_guards_it(self):
        for name, objects in all_cases():
            rules = [rule for role in chart.of_kind(objects, "ClusterRole") for rule in role["rules"]]
            patches = any("nodes" in rule["resources"] and "patch" in rule["verbs"] for rule in rules)
            with self.subTest(case=name):
                self.assertEqual(patches, name == "guarded")
                self.assertEqual(bool(chart.of_kind(objects, "ValidatingAdmissionPolicy")), patches)

    def test_configmaps_are_read_in_the_named_namespaces_alone(self):
        objects = chart.render(["-f", str(chart.CASES / "guarded.yaml")])
        roles = chart.of_kind(objects, "Role", "seccompd-profiles")
        self.assertEqual([r["metadata"]["namespace"] for r in roles], ["seccomp-profiles", "shop", "ml"])
        for role in chart.of_kind(objects, "ClusterRole"):
            self.assertNotIn("configmaps", [r for rule in role["rules"] for r in rule["resources"]])

    def test_a_service_account_gives_no_token_unless_a_pod_asks(self):
        for name, objects in all_cases():
            for account in chart.of_kind(objects, "ServiceAccount"):
                with self.subTest(case=name):
                    self.assertIs(account["automountServiceAccountToken"], False)
                    self.assertNotEqual(account["metadata"]["name"], "default")

    def test_no_image_floats(self):
        for name, objects in all_cases():
            for _, pod in every_pod(objects):
                for container in pod.get("initContainers", []) + pod["containers"]:
                    with self.subTest(case=name):
                        self.assertRegex(container["image"], r"(@sha256:[0-9a-f]{64}|:[^:/]+)$")
                        self.assertNotRegex(container["image"], r":latest$")

    def test_no_credential_and_no_namespaceless_object(self):
        cluster_wide = {"ClusterRole", "ClusterRoleBinding", "FlowSchema", "PriorityLevelConfiguration",
                        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterPodMonitoring",
                        "SecurityContextConstraints"}
        for name, objects in all_cases():
            self.assertEqual(chart.of_kind(objects, "Secret"), [])
            for o in objects:
                with self.subTest(case=name, kind=o["kind"]):
                    self.assertEqual("namespace" in o["metadata"], o["kind"] not in cluster_wide)


class Placement(unittest.TestCase):
    def setUp(self):
        self.objects = chart.render()
        self.pod = chart.agent_pod(self.objects)

    def test_it_runs_on_every_linux_node_that_allows_it(self):
        self.assertEqual(self.pod["nodeSelector"], {"kubernetes.io/os": "linux"})
        self.assertEqual(self.pod["tolerations"], [{"operator": "Exists"}])
        terms = self.pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"]
        self.assertEqual(len(terms), 1)  # terms are alternatives: a second one would let nodes in again
        self.assertEqual([(e["key"], e["operator"], e["values"]) for e in terms[0]["matchExpressions"]],
                         [("eks.amazonaws.com/compute-type", "NotIn", ["fargate"]),
                          ("type", "NotIn", ["virtual-kubelet"])])

    def test_a_critical_pod_outside_kube_system_brings_its_quota(self):
        self.assertEqual(self.pod["priorityClassName"], "system-node-critical")
        (quota,) = chart.of_kind(self.objects, "ResourceQuota")
        self.assertEqual(quota["spec"]["scopeSelector"]["matchExpressions"],
                         [{"operator": "In", "scopeName": "PriorityClass", "values": ["system-node-critical"]}])
        self.assertEqual(chart.of_kind(chart.render(namespace="kube-system"), "ResourceQuota"), [])
        self.assertEqual(chart.of_kind(chart.render(["--set", "priorityClassName=mine"]), "ResourceQuota"), [])

    def test_a_tenth_of_the_nodes_updates_at_once_and_never_two_agents_on_one(self):
        (agents,) = chart.of_kind(self.objects, "DaemonSet")
        self.assertEqual(agents["spec"]["updateStrategy"]["rollingUpdate"], {"maxSurge": 0, "maxUnavailable": "10%"})

    def test_the_daemonset_selects_no_other_pod_of_the_chart(self):
        (agents,) = chart.of_kind(self.objects, "DaemonSet")
        wanted = agents["spec"]["selector"]["matchLabels"].items()
        for pod in chart.of_kind(self.objects, "Pod"):
            self.assertFalse(wanted <= pod["metadata"]["labels"].items())

    def test_liveness_asks_the_agent_alone(self):
        container = self.pod["containers"][0]
        self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/livez")
        self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")

    def test_two_releases_do_not_share_cluster_wide_objects(self):
        names = [{(o["kind"], o["metadata"]["name"]) for o in chart.render(release=r, namespace=n)
                  if "namespace" not in o["metadata"]} for r, n in (("a", "x"), ("a", "y"), ("b", "x"))]
        self.assertEqual(names[0] & names[1] | names[0] & names[2] | names[1] & names[2], set())

    def test_a_changed_configuration_rolls_the_pods(self):
        sums = set()
        for value in ("10m", "20m"):
            (agents,) = chart.of_kind(chart.render(["--set", f"config.rehash-interval={value}"]), "DaemonSet")
            sums.add(agents["spec"]["template"]["metadata"]["annotations"]["checksum/config"])
        self.assertEqual(len(sums), 2)

    def test_old_api_servers_get_no_field_they_do_not_know(self):
        self.assertIn("recursiveReadOnly", chart.template(kube_version="1.31.0"))
        old = chart.template(["--set", "flowControl.create=true"], kube_version="1.27.0")
        self.assertNotIn("recursiveReadOnly", old)
        self.assertIn("flowcontrol.apiserver.k8s.io/v1beta3", old)


class HelmTest(unittest.TestCase):
    def test_it_runs_the_agents_own_image_and_asks_for_the_daemonset_that_there_is(self):
        for name in ("default", "purge", "contents"):
            objects = chart.render(["-f", str(chart.CASES / f"{name}.yaml")])
            (pod,), (agents,) = chart.of_kind(objects, "Pod"), chart.of_kind(objects, "DaemonSet")
            (container,) = pod["spec"]["containers"]
            with self.subTest(case=name):
                self.assertEqual(container["image"], agents["spec"]["template"]["spec"]["containers"][0]["image"])
                self.assertEqual(container["args"][:2], ["rollout", "seccompd/" + agents["metadata"]["name"]])

    def test_it_may_see_one_daemonset_and_its_events(self):
        (role,) = chart.of_kind(chart.render(), "Role", "seccompd-test")
        for rule in role["rules"]:
            self.assertLessEqual(set(rule["verbs"]), {"get", "list"})
            if rule["resources"] == ["daemonsets"]:
                self.assertEqual(rule["resourceNames"], ["seccompd"])
                self.assertEqual(rule["verbs"], ["get"])


if __name__ == "__main__":
    chart.main()
