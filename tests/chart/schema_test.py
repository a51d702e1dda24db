# SPDX-License-Identifier: Apache-2.0
"""values.schema.json is strict: a typo, a wrong type and a dangerous value stop the installation."""
import json
import unittest

import chart
import yaml

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((chart.CHART / "values.yaml").read_text())
# Objects whose keys are the user's own, or Kubernetes'.
FREE = {"global", "affinity", "networkPolicy.scrapeFrom[]", "extraEnv[]"}

REFUSED = {
    "mod=audit": "mod", "web.prt=1": "prt", "image.tga=x": "tga", "mode=observe": "mode",
    "evidence=ptrace": "evidence", "pods=cri": "pods", "kubeletRoot=var/lib/kubelet": "kubeletRoot",
    "kubeletRoot=/var/lib/../etc": "kubeletRoot", "image.tag=latest": "tag", "image.digest=sha256:12": "digest",
    "image.pullPolicy=always": "pullPolicy", "web.port=0": "port", "web.port=http": "port",
    "deleteGrace=7d": "deleteGrace", "bundles.glob=/*/config.json": "glob", "weakening=maybe": "weakening",
    "profilesNamespace=Shop": "profilesNamespace", "tenantNamespaces[0]=a/b": "tenantNamespaces",
    "nodeGate.mode=condition": "mode", "nodeGate.taintKey=a b": "taintKey",
    "updateStrategy.maxUnavailable=ten": "maxUnavailable", "extraArgs[0]=run": "extraArgs",
    "profiles.web.data.no-alg\\.txt=x": "no-alg.txt", "profiles.web.dat.a\\.json=x": "dat",
    "checks.Upper.data.a\\.yaml=x": "Upper", "tolerations[0].operator=Any": "operator",
    "networkPolicy.apiServerCIDRs[0]=10.0.0.1": "apiServerCIDRs", "config.Nested.x=1": "Nested",
    "purge.enabled=yes": "enabled", "rbac.create=1": "create", "log.level=trace": "level",
}


def objects(schema, path=""):
    if schema.get("type") == "object" or "properties" in schema:
        yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from objects(child, f"{path}.{name}".lstrip("."))
    if isinstance(schema.get("items"), dict):
        yield from objects(schema["items"], path + "[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from objects(schema["additionalProperties"], path + ".*")


class Schema(unittest.TestCase):
    def test_no_object_takes_unknown_keys(self):
        for path, schema in objects(SCHEMA):
            if path not in FREE:
                with self.subTest(path=path):
                    self.assertIn("additionalProperties", schema)
                    self.assertIsNot(schema["additionalProperties"], True)

    def test_it_knows_exactly_the_keys_of_values_yaml(self):
        def keys(values, schema, path):
            for name, value in values.items():
                yield f"{path}{name}"
                child = schema.get("properties", {}).get(name, {})
                if isinstance(value, dict) and "properties" in child:
                    yield from keys(value, child, f"{path}{name}.")

        def known(schema, path):
            for name, child in schema.get("properties", {}).items():
                yield f"{path}{name}"
                yield from known(child, f"{path}{name}.")

        free = {"global", "resources.requests", "resources.limits"}
        self.assertEqual(set(keys(VALUES, SCHEMA, "")) - free, set(known(SCHEMA, "")) - free)

    def test_wrong_values_are_refused_by_name_with_both_helms(self):
        for major in (3, 4):
            for value, name in REFUSED.items():
                with self.subTest(value=value, helm=major):
                    run = chart.helm(major, "template", "seccompd", str(chart.CHART), "--set", value)
                    self.assertNotEqual(run.returncode, 0)
                    self.assertIn(name, run.stderr)


if __name__ == "__main__":
    chart.main()
