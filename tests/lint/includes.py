# SPDX-License-Identifier: Apache-2.0
"""lint.includes: every include line of common/ and agent/ against layers.txt.
Usage: includes.py ROOT [LAYERS]"""
import fnmatch
import os
import re
import sys

import cpp_text
from cpp_text import Finding

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*(<[^>\n]+>|"[^"\n]+"|\S+)', re.MULTILINE)


class Layers:
    """layers.txt: `layers` folder -> folders, `files` and `fences` as (globs, values)."""

    def __init__(self, text):
        self.layers, self.files, self.fences, groups = {}, [], [], {}
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            match = re.fullmatch(r"(layer|file|fence|group)\s+(.*?)\s*:\s*(.*)", line)
            if not match:
                raise ValueError(f"layers.txt:{number}: not a rule: {line}")
            kind, left, right = match.group(1), match.group(2).split(), match.group(3).split()
            right = [glob for word in right for glob in groups.get(word, [word])]
            if kind == "group":
                groups["$" + left[0]] = right
            elif kind == "layer":
                self.layers[left[0]] = right
            elif kind == "file":
                self.files.append((left[0], right))
            else:
                self.fences.append((left, right))

    def layer_of(self, path):
        """The longest folder of a layer line that holds `path`, or None."""
        holders = [f for f in self.layers if path.startswith(f + "/")]
        return max(holders, key=len, default=None)

    def may_include_folder(self, path, target):
        layer, other = self.layer_of(path), self.layer_of(target)
        if layer is None or other is None or layer == other:
            return layer == other and layer is not None
        allowed = list(self.layers[layer])
        for glob, folders in self.files:
            if fnmatch.fnmatchcase(path, glob):
                allowed += folders
        if not other.startswith("common/"):
            return other in allowed
        return "*" in allowed or other.removeprefix("common/") in allowed

    def fences_of(self, header):
        """The globs of the fence lines that name the header; the most exact names only."""
        named = [(glob, files) for globs, files in self.fences for glob in globs
                 if fnmatch.fnmatchcase(header, glob)]
        if not named:
            return None
        return [f for _, files in named for f in files]


def includes_of(text):
    """(offset, spelled) of every include line outside comments; literals are needed, so only comments
    are blanked."""
    no_comments = re.sub(r"//[^\n]*|/\*(?:.|\n)*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    return [(m.start(1), m.group(1)) for m in _INCLUDE.finditer(no_comments)]


def check_line(layers, path, spelled):
    """A message, or None."""
    header = spelled[1:-1]
    if spelled[0] not in '<"':
        return "include a literal header name, not a macro"
    if spelled[0] == '"' and header.startswith(("common/", "agent/", "tests/")):
        if header.startswith("tests/"):
            return "product code never includes tests/"
        if path.startswith("common/") and header.startswith("agent/"):
            return "common/ never includes agent/"
        if not layers.may_include_folder(path, header):
            folder = os.path.dirname(header)
            return f"{layers.layer_of(path)} may not include {folder} (layers.txt: layer)"
        return None
    if spelled[0] == "<" and re.fullmatch(r"[a-z_0-9]+", header):
        return None  # C++ standard library
    allowed = layers.fences_of(header)
    if allowed is None:
        if spelled[0] == '"':
            return f'write "{header}" from the repository root'
        return f"<{header}> has no line in layers.txt (fence)"
    if not any(fnmatch.fnmatchcase(path, glob) for glob in allowed):
        return f"<{header}> is fenced: only {' '.join(allowed)}"
    return None


def cycles(graph):
    """One finding a cycle of headers."""
    found, state, trail = [], {}, []

    def visit(node):
        state[node] = 1
        trail.append(node)
        for line, target in graph.get(node, []):
            if state.get(target) == 1:
                loop = trail[trail.index(target):] + [target]
                found.append(Finding(node, line, "cycle", " -> ".join(loop)))
            elif target not in state and target in graph:
                visit(target)
        trail.pop()
        state[node] = 2

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return found


def check(root, layers):
    findings, graph = [], {}
    for path in cpp_text.walk(root):
        if not path.startswith(("common/", "agent/")) or not path.endswith(cpp_text.CPP_SUFFIXES):
            continue
        text = cpp_text.read(root, path)
        if layers.layer_of(path) is None:
            findings.append(Finding(path, 1, "layer", "its folder has no layer line in layers.txt"))
            continue
        for offset, spelled in includes_of(text):
            line = cpp_text.line_of(text, offset)
            message = check_line(layers, path, spelled)
            if message:
                findings.append(Finding(path, line, "include", message))
            if path.endswith(".h"):
                graph.setdefault(path, []).append((line, spelled[1:-1]))
    return findings + cycles(graph)


def main(argv):
    root = argv[1]
    layers_path = argv[2] if len(argv) > 2 else os.path.join(root, "tests/lint/layers.txt")
    with open(layers_path, encoding="utf-8") as stream:
        layers = Layers(stream.read())
    return cpp_text.report(check(root, layers), "lint.includes")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
