# SPDX-License-Identifier: Apache-2.0
"""Figures of the whole agent beside a peer or a floor, measured in the same run. Writes JSON.

Usage: agent_figures.py SECCOMPD OUT.JSON [PROFILES...]
Full nodes (bench_node: real containers under real filters) as root. Floors: a process that only prints its version, grep over /proc. Peer: prometheus-node-exporter.
"""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

RUNS = 5
SCRAPES = 20


def profile(number):
    """One with 100 conditions, 11 KB, a filter of some 600 instructions."""
    rules = [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 + number % 100,
              "args": [{"index": 2, "value": 1000 * number + i, "op": "SCMP_CMP_EQ"}]}
             for i in range(100)]
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status_kib(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise KeyError(key)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read()


def started(argv, url):
    """The process and the seconds until `url` answered 200."""
    begin = time.perf_counter()
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while time.perf_counter() - begin < 60:
        try:
            fetch(url)
            return process, time.perf_counter() - begin
        except OSError:
            if process.poll() is not None:
                raise SystemExit(f"{argv[0]} ended with {process.returncode}")
            time.sleep(0.002)
    raise SystemExit(f"{argv[0]} does not answer")


def measure(argv, ready, scrape):
    """Median start, memory after some scrapes, median scrape."""
    starts, memory, times, size = [], [], [], 0
    for _ in range(RUNS):
        process, took = started(argv, ready)
        starts.append(took)
        for _ in range(SCRAPES):
            begin = time.perf_counter()
            size = len(fetch(scrape))
            times.append(time.perf_counter() - begin)
        memory.append(status_kib(process.pid, "VmRSS"))
        process.terminate()
        process.wait()
    return {"start_ms": 1e3 * statistics.median(starts), "rss_mib": statistics.median(memory) / 1024,
            "scrape_ms": 1e3 * statistics.median(times), "scrape_bytes": size}


def wall(argv):
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def agent(binary, profiles, work):
    for name in ("manifests", "pods", "seccomp"):
        os.makedirs(f"{work}/{name}", exist_ok=True)
    for n in range(profiles):
        with open(f"{work}/manifests/p{n}.json", "w", encoding="utf-8") as file:
            file.write(profile(n))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    return measure([binary, "run", "--web.listen-address", f"127.0.0.1:{port}",
                    "--source", f"dir:{work}/manifests", "--pods", f"dir:{work}/pods",
                    "--seccomp-root", f"{work}/seccomp", "--node-default", "unconfined"],
                   base + "/readyz", base + "/metrics")


def cgroup_root():
    """Where cgroups can be made that a walk from there finds; "" if nowhere."""
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.access(path + "/cgroup.controllers", os.R_OK) and os.access(path, os.W_OK):
            return path
    return ""


def mappings(pid):
    """Resident KiB by what is mapped: the binary, libraries, heap, maps of BPF, the rest."""
    kinds, kind = {}, ""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"[0-9a-f]+-[0-9a-f]+ (?:\S+ +){4}(.*)$", line)
            if head:
                name = os.path.basename(head[1])
                kind = ("heap" if name == "[heap]" else "bpf" if "bpf-map" in name else
                        "libraries" if ".so" in name else "binary" if name == "seccompd" else "other")
            elif line.startswith("Rss:"):
                kinds[kind] = kinds.get(kind, 0) + int(line.split()[1])
    return kinds


def full_node(binary, node, shape):
    """Memory of a second start, judged containers and all, when the burst of the start is over."""
    containers, pods, each, profiles, kind = shape
    with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
        for name in ("manifests", "pods", "seccomp"):
            os.makedirs(f"{work}/{name}")
        group = f"{cgroup_root()}/seccompd-figures-{os.getpid()}"
        herd = subprocess.Popen([node, group, work, *map(str, (containers, pods, each, profiles)), kind],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if herd.stdout.readline() != "ready\n":
                raise SystemExit("bench_node does not start")
            port = free_port()
            base = f"http://127.0.0.1:{port}"
            argv = [binary, "run", "--web.listen-address", f"127.0.0.1:{port}", "--source",
                    f"dir:{work}/manifests", "--pods", f"dir:{work}/pods", "--seccomp-root",
                    f"{work}/seccomp", "--node-default", "unconfined", "--path.cgroupfs", group]
            for start in range(2):
                process, took = started(argv, base + "/readyz")
                wanted = f'verdict="match",evidence="filter"}} {containers}\n'.encode()
                while wanted not in fetch(base + "/metrics"):
                    time.sleep(0.2)
                if start == 1:
                    time.sleep(15)
                begin = time.perf_counter()
                size = len(fetch(base + "/metrics"))
                scrape = time.perf_counter() - begin
                rss, kinds = status_kib(process.pid, "VmRSS"), mappings(process.pid)
                process.terminate()
                process.wait()
        finally:
            herd.stdin.close()
            herd.wait()
    return {"start_ms": 1e3 * took, "rss_mib": rss / 1024, "scrape_ms": 1e3 * scrape,
            "scrape_bytes": size, "mappings_kib": kinds}


FULL_NODES = {
    "1 container, 3 profiles": (1, 1, 1, 3, "small"),
    "1,000 containers, 250 pods, 100 profiles": (1000, 250, 1, 100, "small"),
    "1,000 containers, 250 pods, 100 profiles like containerd's": (1000, 250, 1, 100, "default"),
    "200 containers, 30 filters like containerd's": (200, 200, 10, 30, "default"),
}


def main(argv):
    binary, out = argv[1], argv[2]
    counts = [int(n) for n in argv[3:]] or [0, 50]
    figures = {}
    for count in counts:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
            agent(binary, count, work)  # the first start installs; measured are later ones
            figures[f"agent, {count} profiles"] = agent(binary, count, work)
    node = os.path.join(os.path.dirname(binary), "../tests/bench/bench_node")
    if os.geteuid() == 0 and cgroup_root() and os.access(node, os.X_OK):
        for name, shape in FULL_NODES.items():
            figures[name] = full_node(binary, node, shape)
            print(name, figures[name], flush=True)
    else:
        print("SKIPPED: full nodes need root, a cgroup v2 tree and bench_node")
    port = free_port()
    peer = f"http://127.0.0.1:{port}/metrics"
    figures["prometheus-node-exporter"] = measure(
        ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"], peer, peer)
    figures["one-shot"] = {
        "version_ms": wall([binary, "version"]),
        "audit_ms": wall([binary, "audit", "--pods", "none", "--node-default", "unconfined"]),
        "grep_ms": wall(["sh", "-c", "grep -h Seccomp /proc/[0-9]*/status"]),
        "processes": sum(re.fullmatch("[0-9]+", name) is not None for name in os.listdir("/proc"))}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main(sys.argv)
