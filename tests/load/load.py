# SPDX-License-Identifier: Apache-2.0
"""A full node under churn, then a soak: what the real agent misses, and what grows. See run.sh."""
import argparse
import collections
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

import runtime

PROFILE_BYTES = 64 * 1024
# What the containers of crun ask for, and run under.
APP = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["ptrace", "bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}


def profile(number, size):
    """A profile of about `size` bytes that differs from all others."""
    rules, length, i = [], 60, 0
    while length < size:
        rule = {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 + number % 100,
                "args": [{"index": 2, "value": 1000 * number + i, "op": "SCMP_CMP_EQ"}]}
        rules.append(rule)
        length += len(json.dumps(rule)) + 2
        i += 1
        if i % 200 == 0:  # more would make the filter larger than the kernel takes
            length += size
    text = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})
    return text + " " * max(0, size - len(text))


def config_map(name, data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "labels": {"seccompd.io/profiles": "true"}}}


def pod(name, uid, containers, asked):
    """A running pod; `containers` maps names to ids."""
    security = {"seccompProfile": asked} if asked else {}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "load", "uid": uid},
            "spec": {"containers": [{"name": c, "securityContext": security} for c in containers]},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": c, "containerID": "containerd://" + i,
                 "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
                for c, i in containers.items()]}}


def write(path, obj):
    temporary = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".new")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(obj if isinstance(obj, str) else json.dumps(obj))
    os.rename(temporary, path)


def cgroup_of(uid, container):
    return f"kubepods/burstable/pod{uid}/{container}"


class Agent:
    """The real binary, its log as it comes and its scrape."""

    def __init__(self, argv):
        self.judged, self.errors, self.address = {}, [], None
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        self.follower = threading.Thread(target=self._follow, daemon=True)
        self.follower.start()

    def end(self):
        """The exit code; afterwards all that it wrote is in `errors`, a sanitizer's report too."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.follower.join(60)
        return code

    def _follow(self):
        for line in self.process.stderr:
            try:
                entry = json.loads(line)
            except ValueError:
                self.errors.append("not JSON: " + line[:200])
                continue
            if entry["msg"] == "listening":
                self.address = entry["address"]
            elif entry["msg"] == "change" and entry["kind"] == "verdict":
                # unknown is no judgement: it is also what a pod gets whose program has ended.
                if entry["to"] not in ("ended", "unknown"):
                    self.judged[entry["pod"]] = entry["to"]
            elif entry["level"] == "error":
                self.errors.append(line[:300])

    def wait_ready(self):
        start = time.monotonic()
        while time.monotonic() - start < 120:
            if self.process.poll() is not None:
                raise SystemExit("the agent ended: " + "".join(self.errors))
            try:
                if self.address and self.get("/readyz")[0] == 200:
                    return time.monotonic() - start
            except OSError:
                pass
            time.sleep(0.01)
        raise SystemExit("the agent is not ready: " + "".join(self.errors))

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def scrape(self):
        start = time.monotonic()
        text = self.get("/metrics")[1]
        took = time.monotonic() - start
        sums = {}
        for line in text.splitlines():
            match = re.match(r"([a-z_]+)(\{.*\})? (\S+)$", line)
            if match:
                sums[match[1]] = sums.get(match[1], 0) + float(match[3])
        sums["scrape_seconds"], sums["scrape_bytes"] = took, len(text)
        return sums

    def footprint(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        watches = 0
        fds = os.listdir(f"/proc/{pid}/fd")
        for fd in fds:
            try:
                with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                    watches += sum(line.startswith("inotify wd") for line in file)
            except OSError:
                pass
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return {"rss_kib": int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]),
                "fds": len(fds), "watches": watches,
                "cpu_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")}


class Crowd:
    def __init__(self, binary, root):
        self.gone = {}
        self.filled = 0
        self.process = subprocess.Popen([binary, root], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "filled":
                self.filled += 1
            else:
                self.gone[words[1].rsplit("/", 1)[1]] = int(words[2])

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()


class Node:
    def __init__(self, options, work):
        self.options, self.random = options, random.Random(5)
        self.dirs = {name: os.path.join(work, name) for name in ("manifests", "pods", "seccomp")}
        for path in self.dirs.values():
            os.mkdir(path)
        for i in range(0, options.profiles, 10):
            data = {f"p{n}.json": profile(n, PROFILE_BYTES)
                    for n in range(i, min(i + 10, options.profiles))}
            write(f"{self.dirs['manifests']}/big{i // 10}.yaml", config_map(f"big{i // 10}", data))
        write(f"{self.dirs['manifests']}/app.yaml", config_map("app", {"p.json": json.dumps(APP)}))
        self.crowd = Crowd(options.crowd, options.cgroup_root)
        self.runtime = runtime.Runtime(os.path.join(work, "crun"), options.cgroup_root)
        self.agent = None
        self.started = {}  # container id -> pod
        self.samples = []

    def start_agent(self):
        self.agent = Agent([self.options.agent, "run", "--web.listen-address", "127.0.0.1:0",
                            "--source", "dir:" + self.dirs["manifests"],
                            "--pods", "dir:" + self.dirs["pods"],
                            "--seccomp-root", self.dirs["seccomp"],
                            "--node-default", "unconfined", "--delete-grace", "0s",
                            "--path.cgroupfs", self.options.cgroup_root,
                            "--confinement", self.options.confinement,
                            "--audit-interval", self.options.audit_interval])
        return self.agent.wait_ready()

    def fill(self):
        """The pods that stay: they ask for nothing and have nothing."""
        containers = self.options.containers
        per_container = self.options.processes // containers
        pods, count = [], 0
        for p in range(self.options.pods):
            uid, mine = str(uuid.UUID(int=self.random.getrandbits(128))), {}
            for c in range(containers // self.options.pods):
                mine[f"c{c}"] = f"{self.random.getrandbits(256):064x}"
                self.crowd.say(f"fill {cgroup_of(uid, mine[f'c{c}'])} {per_container}")
                count += 1
            pods.append(pod(f"steady-{p}", uid, mine, None))
        write(f"{self.dirs['pods']}/steady.json",
              {"apiVersion": "v1", "kind": "List", "items": pods})
        while self.crowd.filled < count:
            if self.crowd.process.poll() is not None:
                raise SystemExit("the crowd ended")
            time.sleep(0.1)
        return count

    def start_crun(self, lifetime_ms):
        """A real container under what it asks for."""
        uid = str(uuid.UUID(int=self.random.getrandbits(128)))
        container = f"{self.random.getrandbits(256):064x}"
        name = f"crun-{len(self.started)}"
        write(f"{self.dirs['pods']}/{name}.json",
              pod(name, uid, {"app": container}, {"type": "Localhost", "localhostProfile": "app/p.json"}))
        self.started[container] = name
        self.runtime.start(container, cgroup_of(uid, container), lifetime_ms, APP)

    def start_one(self, lifetime_ms):
        """A container that asks for a profile and runs without: the agent must say so."""
        uid = str(uuid.UUID(int=self.random.getrandbits(128)))
        container = f"{self.random.getrandbits(256):064x}"
        name = f"short-{len(self.started)}"
        write(f"{self.dirs['pods']}/{name}.json",
              pod(name, uid, {"app": container},
                  {"type": "Localhost", "localhostProfile": "big0/p0.json"}))
        self.started[container] = name
        self.crowd.say(f"start {cgroup_of(uid, container)} {lifetime_ms}")

    def forget_gone(self):
        for container in list(self.crowd.gone) + list(self.runtime.gone):
            try:
                os.unlink(f"{self.dirs['pods']}/{self.started[container]}.json")
            except FileNotFoundError:
                pass

    def churn(self, seconds, rate, changes):
        """Starts `rate` containers a second; with `changes`, profiles change and are tampered with."""
        first, begun, next_sample = time.monotonic(), 0, 0.0
        while (now := time.monotonic() - first) < seconds:
            while begun < now * rate:
                # Every tenth of a burst is gone before anybody can look, most likely.
                brief = not changes and begun % 10 == 9
                start = self.start_one if changes else self.start_crun
                start(self.random.randint(20, 200) if brief else self.random.randint(1000, 3000))
                begun += 1
            if changes and begun % 5 == 0:
                n = self.random.randrange(20)
                write(f"{self.dirs['manifests']}/small{n}.yaml",
                      config_map(f"small{n}", {"p.json": profile(self.random.randrange(900), 500)}))
                tampered = f"{self.dirs['seccomp']}/small{self.random.randrange(20)}/p.json"
                if os.path.exists(tampered) and self.random.random() < 0.02:
                    os.unlink(tampered)
            if now >= next_sample:
                self.samples.append({"t": round(time.monotonic(), 1), **self.agent.footprint(),
                                     **{k: v for k, v in self.agent.scrape().items() if k in (
                                         "scrape_seconds", "scrape_bytes",
                                         "seccompd_event_loop_lag_seconds")}})
                self.forget_gone()
                next_sample = now + 1
            time.sleep(0.005)
        time.sleep(5)
        self.forget_gone()


def growth(samples, key):
    """Most of the last third against most of the first."""
    third = max(1, len(samples) // 3)
    first = max(s[key] for s in samples[:third])
    return first, max(s[key] for s in samples[-third:])


def wait_containers(agent, count):
    start = time.monotonic()
    while time.monotonic() - start < 120:
        if agent.scrape().get("seccompd_containers") == count:
            return round(time.monotonic() - start, 2)
        time.sleep(0.1)
    raise SystemExit(f"the agent sees {agent.scrape().get('seccompd_containers')} of {count}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("agent", "crowd", "cgroup-root", "out"):
        parser.add_argument("--" + name, required=True)
    for name, value in (("pods", 500), ("containers", 2000), ("processes", 10000),
                        ("profiles", 100), ("rate", 30), ("burst-seconds", 60),
                        ("soak-seconds", 60)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--audit-interval", default="500ms")
    parser.add_argument("--confinement", default="on")
    parser.add_argument("--slow", action="store_true", help="what was missed is reported and is no failure")
    options = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory(prefix="seccompd-load-", dir="/dev/shm") as work:
        node = Node(options, work)
        report = {"options": vars(options), "empty": {}}
        report["empty"]["start_seconds"] = round(node.start_agent(), 3)
        installed = len(glob.glob(node.dirs["seccomp"] + "/big*/p*.json"))
        if installed != options.profiles:
            failures.append(f"{installed} of {options.profiles} profiles installed")
        report["empty"].update(node.agent.footprint())
        count = node.fill()
        report["full"] = {"seen_after_seconds": wait_containers(node.agent, count),
                          **node.agent.footprint(), **{
                              k: v for k, v in node.agent.scrape().items()
                              if k.startswith("scrape")}}
        node.churn(options.burst_seconds, options.rate, changes=False)
        burst = list(node.samples)
        node.runtime.wait()
        expected = {node.started[c] for c, ms in node.runtime.gone.items() if ms >= 1000}
        missed = sorted(expected - set(node.agent.judged))
        verdicts = collections.Counter(node.agent.judged[p] for p in expected & set(node.agent.judged))
        lateness = sorted(node.runtime.lateness)
        report["burst"] = {
            "started": len(node.started), "failed_to_start": len(node.runtime.failed),
            "start_late_seconds_p95": round(lateness[len(lateness) * 95 // 100], 3),
            "lived_a_second": len(expected), "missed": len(missed), "last_verdicts": dict(verdicts),
            "brief": len(node.started) - len(expected) - len(node.runtime.failed),
            "ended_unjudged": int(node.agent.scrape()["seccompd_containers_ended_unjudged_total"]),
            "most_rss_kib": max(s["rss_kib"] for s in burst),
            "most_loop_lag_seconds": max(s["seccompd_event_loop_lag_seconds"] for s in burst),
            "median_scrape_seconds": sorted(s["scrape_seconds"] for s in burst)[len(burst) // 2],
            "cpu_seconds": burst[-1]["cpu_s"] - burst[0]["cpu_s"]}
        if node.runtime.failed:
            failures.append(f"crun failed: {node.runtime.failed[0]}")
        if set(verdicts) - {"match", "filtered"}:
            failures.append(f"containers under their profile are called {dict(verdicts)}")
        if missed and not options.slow:
            failures.append(f"{len(missed)} of {len(expected)} containers were never judged")
        node.samples = []
        node.churn(options.soak_seconds, 2, changes=True)
        report["soak"] = {}
        for key in ("rss_kib", "fds", "threads", "watches"):
            first, last = growth(node.samples, key)
            report["soak"][key] = [first, last]
            allowed = first * 1.05 + 512 if key == "rss_kib" else first + 25
            if last > allowed:
                failures.append(f"{key} grew from {first} to {last}")
        report["exit_code"] = node.agent.end()
        report["errors_logged"] = node.agent.errors[:40]
        if node.agent.errors:
            failures.append(f"the agent wrote {len(node.agent.errors)} errors")
        if report["exit_code"] != 0:
            failures.append("the agent did not end well")
        node.crowd.process.stdin.close()
        node.crowd.process.wait(60)
        report["failures"] = failures
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    del report["options"]
    print(json.dumps(report, indent=1))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
