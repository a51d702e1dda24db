# SPDX-License-Identifier: Apache-2.0
"""C++ text without its comments and literals, line numbers kept; brackets matched. No parser: enough
for rules that are about shape."""
import os
import re

SKIPPED_DIRS = {"build", ".git", ".cache", "__pycache__", "node_modules"}
CPP_SUFFIXES = (".h", ".cc", ".c")

_TOKEN = re.compile(
    r"""R"(?P<tag>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=tag)"   # raw string
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Za-z])'(?:\\.|[^'\\\n])*'
      | //[^\n]*
      | /\*(?:.|\n)*?\*/""",
    re.VERBOSE,
)


def strip(text):
    """Comments become spaces, literals become "" or '' padded with spaces; newlines stay."""

    def blank(match):
        token = match.group(0)
        spaces = re.sub(r"[^\n]", " ", token)
        if token.startswith("/"):
            return spaces
        quote = "'" if token.startswith("'") else '"'
        return quote + spaces[1:-1] + quote if len(token) > 1 else token

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def matching(text, offset):
    """Offset of the bracket that closes the one at `offset`, or -1."""
    closing = {"(": ")", "[": "]", "{": "}"}
    stack = []
    for i in range(offset, len(text)):
        if text[i] in closing:
            stack.append(closing[text[i]])
        elif text[i] in ")]}":
            if not stack or stack.pop() != text[i]:
                return -1
            if not stack:
                return i
    return -1


def walk(root):
    """Paths relative to `root` of every file of the tree, sorted."""
    found = []
    for folder, dirs, files in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in SKIPPED_DIRS)
        for name in sorted(n for n in files if n not in SKIPPED_DIRS):  # .git is a file in a worktree
            found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as stream:
        return stream.read()


class Finding:
    def __init__(self, path, line, rule, message):
        self.path, self.line, self.rule, self.message = path, line, rule, message

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def report(findings, what):
    """Prints findings; the exit code."""
    for finding in findings:
        print(finding)
    print(f"{what}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0
