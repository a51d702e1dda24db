# SPDX-License-Identifier: Apache-2.0
"""The chart, rendered: what the tests of this folder share."""
import os
import pathlib
import subprocess
import unittest

import tools
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "seccompd"
CASES = ROOT / "tests" / "chart" / "cases"
TOOLS = pathlib.Path(os.environ.get("SECCOMPD_CHART_TOOLS", ROOT / "build" / "chart-tools"))
BINARY = os.environ.get("SECCOMPD_BINARY", str(ROOT / "build" / "dev" / "agent" / "seccompd"))
NAMESPACE = "seccompd"


def helm(major, *arguments):
    environment = {**os.environ, "HELM_CACHE_HOME": str(TOOLS / "cache"), "HELM_CONFIG_HOME": str(TOOLS / "config"),
                   "HELM_DATA_HOME": str(TOOLS / "data"), "KUBECONFIG": "/dev/null"}
    return subprocess.run([str(tools.helm(TOOLS, major)), *arguments], capture_output=True, text=True,
                          env=environment, timeout=120, check=False)


def template(values=(), major=4, kube_version="1.31.0", release="seccompd", namespace=NAMESPACE):
    """The rendered text; `values` are arguments of helm: --set a=b, -f FILE."""
    run = helm(major, "template", release, str(CHART), "--namespace", namespace, "--kube-version", kube_version,
               *values)
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return run.stdout


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def render(values=(), **how):
    return documents(template(values, **how))


def of_kind(objects, kind, name=None):
    return [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]


def agent_pod(objects):
    """Pod spec of the agent's DaemonSet, of which there is one."""
    sets = of_kind(objects, "DaemonSet")
    assert len(sets) == 1, [s["metadata"]["name"] for s in sets]
    return sets[0]["spec"]["template"]["spec"]


def cases():
    return sorted(CASES.glob("*.yaml"))


def main():
    """Runs the tests of the calling script; without the tools they are skipped as a whole."""
    tools.require(TOOLS)
    unittest.main(verbosity=0)
