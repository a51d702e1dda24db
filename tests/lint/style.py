# SPDX-License-Identifier: Apache-2.0
"""lint.style: SPDX lines, sizes, [[nodiscard]], coroutine traps, forbidden text.
Usage: style.py ROOT"""
import fnmatch
import os
import re
import sys

import coroutines
import cpp_text
from cpp_text import Finding

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
SPDX = "SPDX-License-Identifier: "
SPDX_SUFFIXES = cpp_text.CPP_SUFFIXES + (".py", ".sh", ".cmake", ".yml")
SPDX_NAMES = ("CMakeLists.txt", "Dockerfile", "packages.txt", "layers.txt", "allow.txt", "forbidden.txt")
_CONTROL = re.compile(r"^(?:else\b\s*)?(?:if|for|while|switch|do|else|try|catch|return|co_return)\b")


def check_spdx(path, text):
    named = os.path.basename(path) in SPDX_NAMES or path.endswith(SPDX_SUFFIXES)
    script = text.startswith("#!")
    if (named or script) and SPDX not in "\n".join(text.split("\n", 3)[:3]):
        return [Finding(path, 1, "spdx", f"the first lines need '{SPDX}Apache-2.0'")]
    return []


def check_file_length(path, text):
    lines = text.count("\n")
    if path.endswith(SPDX_SUFFIXES) and lines > MAX_FILE_LINES:
        return [Finding(path, lines, "file-length",
                        f"{lines} lines, more than {MAX_FILE_LINES}: split, or allow.txt with a reason")]
    return []


def functions(code):
    """(name, first offset, offset of the closing brace) of every function body, nested ones left out."""
    found, stack, start = [], [], 0
    for i, char in enumerate(code):
        if char == ";" and (not stack or stack[-1][0] == "scope"):
            start = i + 1
        elif char == "{":
            in_function = any(kind != "scope" for kind, _, _ in stack)
            head = code[start:i].strip()
            kind, name = ("block", "") if in_function else classify(head)
            first = start + len(code[start:i]) - len(code[start:i].lstrip())
            stack.append((kind, name, first))
            if kind == "scope":
                start = i + 1
        elif char == "}" and stack:
            kind, name, first = stack.pop()
            if kind == "function":
                found.append((name, first, i))
            if kind != "block" or not stack:
                start = i + 1
    return found


def classify(head):
    """What the brace after `head` opens at namespace or class level."""
    head = re.sub(r"^\s*#[^\n]*(?:\\\n[^\n]*)*\n", "", head, flags=re.MULTILINE).strip()
    head = re.sub(r"^(?:public|private|protected)\s*:\s*", "", head)
    if re.match(r"(?:inline\s+)?(?:namespace|extern\b)", head) or \
            re.match(r"(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:class|struct|union|enum)\b[^()]*$", head, re.DOTALL):
        return "scope", ""
    match = re.search(r"([~\w:]+(?:\s*operator[^\w\s(]{1,3})?)\s*\(", head)
    if match and not _CONTROL.match(head) and not re.search(r"(?<![=!<>])=(?!=)\s*$", head):
        return "function", match.group(1)
    return "block", ""


def check_function_length(path, code):
    findings = []
    for name, first, last in functions(code):
        lines = code.count("\n", first, last) + 1
        if lines > MAX_FUNCTION_LINES:
            findings.append(Finding(path, cpp_text.line_of(code, first), "function-length",
                                    f"{name} has {lines} lines, more than {MAX_FUNCTION_LINES}"))
    return findings


def check_nodiscard(path, code):
    """Functions that return base::Result, also wrapped in awaitable<>, in a header."""
    if not path.endswith(".h"):
        return []
    findings = []
    pattern = re.compile(
        r"(?:^|(?<=[;{}:]))(?P<head>\s*(?:template\s*<[^;{}]*?>\s*)?(?:(?:\[\[\w+\]\]|static|virtual|inline|constexpr|"
        r"friend|explicit)\s+)*)(?:[\w:]*\bawaitable\s*<\s*)?(?:(?:::)?(?:seccompd::)?base::)?Result\s*<")
    for match in pattern.finditer(code):
        rest = code[match.end():]
        depth, i = code[match.start():match.end()].count("<") - match.group("head").count("<"), 0
        depth = max(depth, 1)
        while i < len(rest) and depth:
            depth += {"<": 1, ">": -1}.get(rest[i], 0)
            i += 1
        name = re.match(r"\s*&?\s*([\w:]+|operator\S+)\s*\(", rest[i:])
        if name and "[[nodiscard]]" not in match.group("head"):
            offset = match.end() - len(match.group(0).lstrip())
            findings.append(Finding(path, cpp_text.line_of(code, offset), "nodiscard",
                                    f"{name.group(1)} returns Result: mark it [[nodiscard]]"))
    return findings


def check_forbidden(path, text, patterns):
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in patterns:
            if pattern.search(line):
                findings.append(Finding(path, number, "forbidden", f"matches {pattern.pattern}"))
    return findings


class Allowed:
    """allow.txt; knows which of its lines were of use."""

    def __init__(self, text):
        self.entries = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split(None, 2)
            if len(words) < 3:
                raise ValueError(f"allow.txt:{number}: needs RULE PATH REASON")
            self.entries.append([number, words[0], words[1], False])

    def covers(self, finding):
        for entry in self.entries:
            _, rule, target, _ = entry
            path, _, function = target.partition(":")
            named = not function or finding.message.split(" ", 1)[0] == function
            if rule == finding.rule and fnmatch.fnmatchcase(finding.path, path) and named:
                entry[3] = True
                return True
        return False

    def unused(self):
        return [Finding("tests/lint/allow.txt", number, "allow", f"{rule} {target} is no longer needed")
                for number, rule, target, used in self.entries if not used]


def check_text(path, text, patterns):
    """Every finding in one file's text."""
    findings = check_spdx(path, text) + check_file_length(path, text)
    findings += check_forbidden(path, text, patterns)
    if path.endswith(cpp_text.CPP_SUFFIXES):
        code = cpp_text.strip(text)
        findings += check_function_length(path, code)
        findings += check_nodiscard(path, code)
        findings += coroutines.check(path, code)
    return findings


def check(root, allowed, patterns):
    findings = []
    for path in cpp_text.walk(root):
        text = cpp_text.read(root, path)
        if "/corpus/" not in path and "\0" not in text:  # fuzz seeds and binaries
            findings += check_text(path, text, patterns)
    return [f for f in findings if not allowed.covers(f)] + allowed.unused()


def main(argv):
    root = argv[1]
    lint = os.path.join(root, "tests/lint")
    with open(os.path.join(lint, "allow.txt"), encoding="utf-8") as stream:
        allowed = Allowed(stream.read())
    patterns = [re.compile(line) for line in cpp_text.read(lint, "forbidden.txt").splitlines()
                if line and not line.startswith("#")]
    return cpp_text.report(check(root, allowed, patterns), "lint.style")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
