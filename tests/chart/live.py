# SPDX-License-Identifier: Apache-2.0
"""A real agent that has something to tell, on loopback, for a while: a profile in force, a refused one, a
process that counts as a container without the filter its pod asks for. Needs no root: the cgroup tree and
the seccomp root are folders of the test, /proc is the machine's."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import api
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SECCOMPD_BINARY", str(ROOT / "build" / "dev" / "agent" / "seccompd"))
POD_UID = "11111111-2222-3333-4444-555555555555"
CONTAINER = "c0ffee" + "0" * 58

PROFILES = """apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: demo, labels: {seccompd.io/profiles: "true"}}
data:
  pay.json: '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]}'
  bad.json: '{"defaultAction": "SCMP_ACT_NONSENSE"}'
"""


def pod():
    status = {"name": "app", "containerID": f"containerd://{CONTAINER}", "state": {"running": {}}}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "pay-0", "namespace": "shop", "uid": POD_UID},
            "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "x", "securityContext": {
                "seccompProfile": {"type": "Localhost", "localhostProfile": "web/pay.json"}}}]},
            "status": {"phase": "Running", "containerStatuses": [status]}}


class Node:
    """with Node() as node: node.address answers."""

    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.flags = flags
        self.children = []
        self.address = ""
        self.tls = None  # an ssl.SSLContext: the agent speaks TLS

    def prepare(self):
        """What a subclass puts into the folder before the agent starts."""

    def __enter__(self):
        self.prepare()
        self.children.append(subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        slice_ = f"kubepods.slice/kubepods-pod{POD_UID.replace('-', '_')}.slice"
        self.write("cgroup/cgroup.controllers", "cpu memory pids\n")
        self.write("cgroup/cgroup.procs", "")
        for folder in ("kubepods.slice", slice_):
            self.write(f"cgroup/{folder}/cgroup.procs", "")
        scope = f"cgroup/{slice_}/cri-containerd-{CONTAINER}.scope"
        self.write(f"{scope}/cgroup.procs", f"{self.children[0].pid}\n")
        self.write(f"{scope}/cgroup.threads", f"{self.children[0].pid}\n")
        self.write("profiles/web.yaml", PROFILES)
        self.write("pods/pay.json", json.dumps(pod()))
        (self.path / "seccomp").mkdir(exist_ok=True)
        log = open(self.path / "log", "w", encoding="utf-8")
        given = {flag.split("=")[0] for flag in self.flags}
        arguments = [f"--source=dir:{self.path}/profiles", f"--pods=dir:{self.path}/pods",
                     f"--seccomp-root={self.path}/seccomp", f"--path.cgroupfs={self.path}/cgroup", "--node-name=n1",
                     "--web.listen-address=127.0.0.1:0", "--audit-interval=1s", "--rehash-interval=1s",
                     "--node-default=unconfined", f"--socket={self.path}/run/agent.sock"]
        arguments = [a for a in arguments if a.split("=")[0] not in given]
        arguments += [flag.format(path=self.path) for flag in self.flags]
        agent = subprocess.Popen([BINARY, "run", *arguments], stdout=log, stderr=log)
        log.close()
        self.children.append(agent)
        self.wait(lambda: self.find_address() and self.get("/readyz")[0] == 200, "the agent is not ready")
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.folder.cleanup()

    def write(self, path, text):
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def log(self):
        return (self.path / "log").read_text(encoding="utf-8")

    def find_address(self):
        for line in self.log().splitlines():
            if '"listening"' in line:
                self.address = json.loads(line)["address"]
        return self.address

    def get(self, path, tls=None):
        tls = tls or self.tls
        url = f"{'https' if tls else 'http'}://{self.address}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5, context=tls) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait(self, condition, otherwise, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or self.children[-1].poll() is not None:
                raise RuntimeError(f"{otherwise}:\n{self.log()[-2000:]}")
            time.sleep(0.05)


CHECKS = """apiVersion: v1
kind: ConfigMap
metadata: {name: today, namespace: demo, labels: {seccompd.io/checks: "true"}}
data:
  af-alg: |
    page: true
    socket(AF_ALG)  # CVE of the week
"""


class ClusterNode(Node):
    """The same, with its profiles, checks and pods from an API server."""

    def __init__(self, *flags):
        super().__init__("--source=kubernetes", "--pods=kubernetes", "--profiles.namespace=demo", "--checks.watch=true",
                         "--startup-jitter=0s", "--events=false", "--kubeconfig={path}/kubeconfig", *flags)
        maps = [yaml.safe_load(text) for text in (PROFILES, CHECKS)]
        self.api = api.Api(maps, [pod()])

    def prepare(self):
        self.api.__enter__()
        self.write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "t",
            "clusters": [{"name": "c", "cluster": {"server": self.api.url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "t", "context": {"cluster": "c", "user": "u", "namespace": "demo"}}]}))

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.api.__exit__(*exception)
