# SPDX-License-Identifier: Apache-2.0
"""Figures of the whole agent beside a peer or a floor, measured in the same run. Writes JSON.

Usage: agent_figures.py SECCOMPD OUT.JSON [PROFILES...]
Floors: a process that only prints its version, grep over /proc. Peer: prometheus-node-exporter.
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


def main(argv):
    binary, out = argv[1], argv[2]
    counts = [int(n) for n in argv[3:]] or [0, 50]
    figures = {}
    for count in counts:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
            agent(binary, count, work)  # the first start installs; measured are later ones
            figures[f"agent, {count} profiles"] = agent(binary, count, work)
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
