# SPDX-License-Identifier: Apache-2.0
"""Real containers by crun, many a second: busybox sleeps under the profile that its pod asks for. They stand in the
same cgroup tree as the synthetic ones, which run.sh mounts at /sys/fs/cgroup for itself."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import threading
import time

NAMESPACES = ("pid", "ipc", "uts", "mount")


def config(rootfs, cgroup, seconds, seccomp):
    capabilities = ["CAP_CHOWN", "CAP_KILL"]
    return {"ociVersion": "1.0.2", "root": {"path": rootfs, "readonly": True}, "hostname": "c",
            "process": {"args": ["/bin/busybox", "sleep", f"{seconds:.3f}"], "cwd": "/", "env": ["PATH=/bin"],
                        "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
                        "capabilities": {s: capabilities for s in ("bounding", "effective", "permitted")}},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755", "size=64k"]}],
            "linux": {"cgroupsPath": cgroup, "namespaces": [{"type": n} for n in NAMESPACES], "seccomp": seccomp}}


class Runtime:
    """start() returns at once; `gone` maps a container's id to the milliseconds that its program lived, at least."""

    def __init__(self, work, cgroup_root, workers=8):
        self.work, self.gone, self.failed, self.lateness = work, {}, [], []
        # crun takes paths from the mount of the cgroup tree.
        self.cgroup_root = "/" + os.path.relpath(cgroup_root, "/sys/fs/cgroup")
        self.rootfs = os.path.join(work, "rootfs")
        for folder in ("bin", "dev", "proc"):
            os.makedirs(os.path.join(self.rootfs, folder))
        shutil.copy("/bin/busybox", os.path.join(self.rootfs, "bin", "busybox"))
        self.pool = concurrent.futures.ThreadPoolExecutor(workers)
        self.timers, self.lock = set(), threading.Lock()

    def start(self, container, cgroup, lifetime_ms, seccomp):
        self.pool.submit(self._start, time.monotonic(), container, cgroup, lifetime_ms, seccomp)

    def _start(self, wanted, container, cgroup, lifetime_ms, seccomp):
        self.lateness.append(time.monotonic() - wanted)
        bundle = os.path.join(self.work, "bundles", container)
        os.makedirs(bundle)
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config(self.rootfs, f"{self.cgroup_root}/{cgroup}", lifetime_ms / 1000, seccomp), file)
        run = self._crun("run", "--detach", "--bundle", bundle, container)
        if run.returncode != 0:
            self.failed.append(run.stderr.strip()[-200:])
            return
        timer = threading.Timer(lifetime_ms / 1000 + 0.05, lambda: self.pool.submit(self._end, container, lifetime_ms))
        with self.lock:
            self.timers.add(timer)
        timer.start()

    def _end(self, container, lifetime_ms):
        run = self._crun("delete", "--force", container)
        if run.returncode != 0:
            self.failed.append(run.stderr.strip()[-200:])
        shutil.rmtree(os.path.join(self.work, "bundles", container), ignore_errors=True)
        self.gone[container] = lifetime_ms

    def _crun(self, *arguments):
        # The program keeps what it inherits: nothing of ours but /dev/null, or we would wait for it.
        with open(os.path.join(self.work, "crun.log"), "a+", encoding="utf-8") as log:
            run = subprocess.run(["crun", "--root", os.path.join(self.work, "state"), *arguments],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, timeout=60, check=False)
            if run.returncode != 0:
                log.seek(0)
                run.stderr = log.read()
            return run

    def wait(self):
        """Until all that were started are gone."""
        while self.timers:
            with self.lock:
                timer = self.timers.pop()
            timer.join()
        self.pool.shutdown(wait=True)
