# SPDX-License-Identifier: Apache-2.0
"""How soon a new container has its first verdict, and what a node costs on which nothing happens.

Usage: noticing.py SECCOMPD OUT.JSON [RUNS [IDLE_SECONDS]]
First verdict: real containers of crun, each under a filter of some 600 instructions that the agent has not
seen before; from the moment the program runs (its name in /proc) until the line of the change log. Idle:
200 containers under 30 filters, the agent's CPU by /proc/<pid>/schedstat. Root; other containers that come
and go on the machine meanwhile are in both figures.
"""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import uuid

import agent_figures

CONTAINERS = 200
FILTERS = 30
CROWD = "seccompd-idle"


def pods_file(work, pods):
    """pods: (name, uid, container id, profile); replaced by rename."""
    items = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "bench", "uid": uid},
              "spec": {"containers": [{"name": "app", "image": "box", "securityContext": {"seccompProfile": {
                  "type": "Localhost", "localhostProfile": profile}}}]},
              "status": {"phase": "Running", "containerStatuses": [
                  {"name": "app", "containerID": "containerd://" + container, "state": {"running": {}}}]}}
             for name, uid, container, profile in pods]
    with open(f"{work}/pods.new", "w", encoding="utf-8") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": items}, file)
    os.rename(f"{work}/pods.new", f"{work}/pods/pods.json")


def profile_maps(work, texts):
    for name, text in texts.items():
        with open(f"{work}/manifests/{name}.json", "w", encoding="utf-8") as file:
            file.write(text)


@contextlib.contextmanager
def agent(binary, work, interval):
    """The running agent, ready; its log grows in work/log."""
    with open(f"{work}/log", "wb") as log:
        process = subprocess.Popen(
            [binary, "run", "--web.listen-address", "127.0.0.1:0", "--source", f"dir:{work}/manifests",
             "--pods", f"dir:{work}/pods", "--seccomp-root", f"{work}/seccomp", "--socket", f"{work}/agent.sock",
             "--node-default", "unconfined", "--audit-interval", interval], stderr=log)
    try:
        wait_for(lambda: '"msg":"confined"' in read(f"{work}/log"), 60, "the agent does not start")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def wait_for(done, seconds, what, step=0.002):
    end = time.perf_counter() + seconds
    while not done():
        if time.perf_counter() > end:
            raise SystemExit(what)
        time.sleep(step)


class Verdicts:
    """Which containers match by the change log, read as it grows: it is of the whole machine."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.rest = b""
        self.matching = set()

    def has(self, container):
        *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
        for line in lines:
            change = json.loads(line)
            if change.get("kind") == "verdict" and change["to"] == "match":
                self.matching.add(change["container_id"])
        return container in self.matching


def make_root(work):
    os.makedirs(f"{work}/rootfs/bin")
    for name in ("proc", "dev", "sys", "tmp"):
        os.makedirs(f"{work}/rootfs/{name}")
    shutil.copy("/bin/busybox", f"{work}/rootfs/bin/sleep")


def bundle(work, name, cgroup, seccomp):
    caps = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"]
    config = {"ociVersion": "1.0.0", "root": {"path": f"{work}/rootfs", "readonly": True},
              "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/sleep", "1000"], "cwd": "/",
                          "noNewPrivileges": True,
                          "capabilities": {key: caps for key in ("bounding", "effective", "permitted")}},
              "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
              "linux": {"cgroupsPath": cgroup, "seccomp": seccomp,
                        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]}}
    os.makedirs(f"{work}/{name}")
    with open(f"{work}/{name}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def crun(work, *arguments):
    # crun 1.8 refuses a hybrid layout: a mount namespace of its own without the v2 mount.
    command = ("if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; "
               'exec crun --root "$0" "$@"')
    subprocess.run(["unshare", "--mount", "sh", "-c", command, f"{work}/state", *arguments], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def remove_cgroups(path):
    for root in ["/sys/fs/cgroup", *(entry.path for entry in os.scandir("/sys/fs/cgroup") if entry.is_dir())]:
        for each in (path, os.path.dirname(path)):
            with contextlib.suppress(OSError):
                os.rmdir(root + each)


def first_verdicts(binary, work, runs):
    make_root(work)
    pods = [(f"p{n}", str(uuid.uuid4()), os.urandom(32).hex(), f"p{n}.json") for n in range(runs)]
    profile_maps(work, {f"p{n}": agent_figures.profile(n) for n in range(runs)})
    pods_file(work, pods)
    times = []
    with agent(binary, work, "1h"):
        verdicts = Verdicts(f"{work}/log")
        wait_for(lambda: all(os.path.exists(f"{work}/seccomp/{pod[3]}") for pod in pods), 60, "not installed")
        for n, (name, uid, container, profile) in enumerate(pods):
            cgroup = f"/kubepods/burstable/pod{uid}/{container}"
            with open(f"{work}/seccomp/{profile}", encoding="utf-8") as file:
                bundle(work, name, cgroup, json.load(file))
            crun(work, "create", "--bundle", f"{work}/{name}", "--pid-file", f"{work}/{name}/pid", container)
            pid = int(read(f"{work}/{name}/pid"))
            start = subprocess.Popen(["unshare", "--mount", "sh", "-c",
                                      "mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified; "
                                      'exec crun --root "$0" start "$1"', f"{work}/state", container])
            wait_for(lambda: read(f"/proc/{pid}/comm") == "sleep\n", 10, "the program does not run", 0.0002)
            begin = time.perf_counter()
            wait_for(lambda: verdicts.has(container), 20, f"no verdict of {n}", 0.001)
            times.append(1e3 * (time.perf_counter() - begin))
            start.wait()
            crun(work, "delete", "--force", container)
            remove_cgroups(cgroup)
    return times


def load_filter(number):
    """bpf(2) fails with an error of its own: the filter that Profile `idle<number>` compiles to, by meaning."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 321), (0x06, 0, 0, 0x00050000 | number + 1), (0x06, 0, 0, 0x7fff0000)]
    program = b"".join(struct.pack("HBBI", *one) for one in code)
    buffer = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer)))
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, fprog, 0, 0) != 0:
        os._exit(1)


@contextlib.contextmanager
def crowd():
    """The cgroups of CONTAINERS pods with a sleeper in each."""
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    top = ("/sys/fs/cgroup/" if v2 else "/sys/fs/cgroup/pids/") + f"{CROWD}-{os.getpid()}"
    sleepers, made = [], [top, top + "/kubepods"]
    for path in made:
        os.mkdir(path)
    try:
        for n in range(CONTAINERS):
            pod = f"{top}/kubepods/pod{uuid.uuid4()}"
            path = f"{pod}/{os.urandom(32).hex()}"
            os.mkdir(pod)
            os.mkdir(path)
            made += [pod, path]

            def enter(path=path, n=n):
                with open(path + "/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(str(os.getpid()))
                load_filter(n % FILTERS)

            sleepers.append(subprocess.Popen(["sleep", "100000"], preexec_fn=enter))
        yield
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
        for path in reversed(made):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def cpu_seconds(pid):
    return int(read(f"/proc/{pid}/schedstat").split()[0]) / 1e9


def idle(binary, work, seconds):
    pods_file(work, [])
    with crowd(), agent(binary, work, "60s") as process:
        time.sleep(10)
        begin = cpu_seconds(process.pid)
        time.sleep(seconds)
        return 100 * (cpu_seconds(process.pid) - begin) / seconds


def main(argv):
    binary, out = argv[1], argv[2]
    runs = int(argv[3]) if len(argv) > 3 else 20
    seconds = int(argv[4]) if len(argv) > 4 else 60
    figures = {}
    for name, measure in (("first", lambda work: first_verdicts(binary, work, runs)),
                          ("idle", lambda work: idle(binary, work, seconds))):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
            for folder in ("manifests", "pods", "seccomp", "state"):
                os.makedirs(f"{work}/{folder}")
            figures[name] = measure(work)
    times = sorted(figures["first"])
    result = {"first_verdict_ms": {"best": times[0], "median": statistics.median(times), "worst": times[-1]},
              "idle_cpu_percent": figures["idle"], "containers": CONTAINERS, "idle_seconds": seconds}
    print(json.dumps(result, indent=1))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    main(sys.argv)
