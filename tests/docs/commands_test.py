# SPDX-License-Identifier: Apache-2.0
"""Every command in the documents is one that exists, with flags that it takes; what needs no cluster and no
root is run. Helm and kubectl are those that tests/chart fetches."""
import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "chart"))
import tools  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("SECCOMPD_CHART_TOOLS", ROOT / "build" / "chart-tools"))
PROGRAMS = {"seccompd": os.environ.get("SECCOMPD_BINARY", str(ROOT / "build" / "dev" / "agent" / "seccompd")),
            "helm": str(tools.helm(TOOLS, 4)), "kubectl": str(tools.kubectl(TOOLS))}
DOCUMENTS = ["README.md", "charts/seccompd/README.md", "charts/seccompd/RUNBOOK.md", "docker/README.md"]
# Commands that only read what stands in the tree: they are run as they are.
RUNS = ("validate", "explain", "render", "diff", "version", "metrics")


def lines_of(text):
    """Lines of fenced blocks without a language that begin with a program, and such inline code."""
    for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield re.split(r"\s+#\s", line.removeprefix("$ "))[0].strip()
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", outside))


def commands():
    for document in DOCUMENTS:
        for line in lines_of((ROOT / document).read_text()):
            for part in re.split(r"\s\|\s(?=seccompd|kubectl)", line):
                words = part.split(" ")
                if words[0] in PROGRAMS and len(words) > 1 and "…" not in part:
                    yield document, part


@functools.cache
def help_of(program, *command):
    run = subprocess.run([PROGRAMS[program], *command, "--help"], capture_output=True, text=True, timeout=30,
                         check=False, env={**os.environ, "KUBECONFIG": "/dev/null"})
    return run.stdout + run.stderr


def flags_of(program, command):
    text = help_of(program, *command)
    if program == "kubectl":
        text += subprocess.run([PROGRAMS["kubectl"], "options"], capture_output=True, text=True, timeout=30,
                               check=True).stdout
    return set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w.-]*)", text))


def split(part):
    """Program, command words, flags. Flags may stand before the command, as in kubectl -n X apply."""
    words = shlex.split(part)
    program, rest = words[0], words[1:]
    flags = [w.split("=")[0] for w in rest if w.startswith("-") and w != "-" and w != "--"]
    if "--" in rest:  # what follows is another program's
        rest = rest[:rest.index("--")]
        flags = [w.split("=")[0] for w in rest if w.startswith("-") and w != "-"]
    plain, skip = [], False
    for word in rest:
        if skip:
            skip = False
        elif word in ("-n", "--namespace", "-f", "-l", "-o", "--set"):
            skip = True
        elif not word.startswith("-"):
            plain.append(word)
    two = program == "kubectl" and plain[0] in ("rollout", "config") or program == "helm" and plain[0] in ("get",)
    return program, plain[:2 if two else 1], flags


class Commands(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreater(len(list(commands())), 30)

    def test_every_command_and_flag_exists(self):
        for document, part in commands():
            with self.subTest(document=document, command=part):
                program, command, flags = split(part)
                if program == "seccompd":
                    self.assertRegex(help_of("seccompd"), rf"(?m)^  {re.escape(command[0])} ")
                known = flags_of(program, command)
                self.assertTrue(known, "it has no help")
                self.assertEqual(set(flags) - known, set())

    def test_what_reads_the_tree_alone_runs(self):
        ran = 0
        for document, part in commands():
            program, command, _ = split(part)
            words = shlex.split(part)
            files = [w.split("#")[0] for w in words[2:] if "/" in w]
            reads = program == "seccompd" and command[0] in RUNS
            placeholder = any(re.fullmatch(r"[A-Z]+(\|.*)?", w) or "[" in w for w in words)
            given = files or command[0] in ("version", "metrics") or "runtime-default" in words
            if not reads or placeholder or not given or not all((ROOT / f).exists() for f in files):
                continue
            with self.subTest(document=document, command=part):
                run = subprocess.run([PROGRAMS[program], *words[1:]], capture_output=True, text=True, timeout=60,
                                     cwd=ROOT, check=False)
                self.assertIn(run.returncode, (0, 1), run.stderr)
                ran += 1
        self.assertGreaterEqual(ran, 4)

    def test_the_walk_through_tells_the_truth(self):
        def run(*words):
            return subprocess.run([PROGRAMS["seccompd"], *words], capture_output=True, text=True, timeout=60, cwd=ROOT,
                                  check=False)
        ours = run("explain", "--check", "socket(AF_ALG)", "agent/samples/block-af-alg.yaml#no-alg.yaml")
        self.assertEqual((ours.returncode, "1 blocked" in ours.stdout), (0, True), ours.stdout)
        default = run("explain", "--check", "socket(AF_ALG)", "--node-arch", "x86_64", "runtime-default")
        self.assertEqual((default.returncode, "1 bypassable" in default.stdout), (1, True), default.stdout)
        self.assertIn("socketcall", default.stdout)
        valid = run("validate", "agent/samples/block-af-alg.yaml")
        self.assertIn("localhostProfile: today/no-alg.json", valid.stdout)

    def test_scripts_of_the_documents_exist(self):
        for document in DOCUMENTS:
            for script in re.findall(r"(?m)^\./([\w/.-]+\.sh)", (ROOT / document).read_text()):
                with self.subTest(document=document, script=script):
                    self.assertTrue(os.access(ROOT / script, os.X_OK))


if __name__ == "__main__":
    tools.require(TOOLS)
    unittest.main(verbosity=0)
