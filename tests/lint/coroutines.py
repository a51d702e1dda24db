# SPDX-License-Identifier: Apache-2.0
"""The coroutine subset that g++ 12 compiles rightly. A statement with co_await holds names, calls and
literals only; its result is named before it is taken apart; no capturing lambda is a coroutine; no
statement expression."""
import re

import cpp_text
from cpp_text import Finding

_CO = re.compile(r"\bco_(?:await|yield)\b")
_BLOCK_WORDS = re.compile(r"(?:\b(?:else|do|try|const|noexcept|override|final|mutable)|->[^;{}()]*|[;{}):])\s*$")
_SCOPE = re.compile(r"\b(?:namespace|struct|class|union|enum)\b[^;{}()]*$")


def before(code, offset):
    """(start of the statement that holds `offset`, a complaint about what stands before it)."""
    i = offset - 1
    while i >= 0:
        char = code[i]
        if char == ";":
            return i + 1, None
        if char == "{":
            head = code[max(0, i - 200):i]
            opens_block = not head.strip() or _BLOCK_WORDS.search(head) or _SCOPE.search(head)
            return i + 1, None if opens_block else "a braced initializer around co_await"
        if char == "}":
            rest = code[i + 1:offset].lstrip()
            return i + 1, "a braced initializer" if rest.startswith((",", ".", ")")) else None
        i -= 1
    return 0, None


def after(code, offset):
    """(end of the statement, a complaint about a brace in it)."""
    depth = 0
    for i in range(offset, len(code)):
        char = code[i]
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == ";":
            return i, None
        elif char == "{":
            return i, None if depth < 0 else "a braced initializer or a lambda"
        elif char == "}":
            return i, None
    return len(code), None


def lambdas(code):
    """(offset, captures, body) of every lambda."""
    for match in re.finditer(r"\[", code):
        start = match.start()
        previous = code[:start].rstrip()[-1:]
        if code.startswith("[[", start) or previous == "[" or re.match(r"[\w)\]]", previous or " "):
            if not re.search(r"\b(?:return|co_return|co_await|co_yield)\s*$", code[:start]):
                continue
        end = cpp_text.matching(code, start)
        if end < 0:
            continue
        rest = code[end + 1:]
        head = re.match(r"\s*(?:<[^{};]*?>\s*)?", rest)
        i = end + 1 + head.end()
        if i < len(code) and code[i] == "(":
            i = cpp_text.matching(code, i) + 1
        tail = re.match(r"[^;{})]*(?:\([^()]*\)[^;{})]*)*\{", code[i:])
        if i <= 0 or not tail:
            continue
        open_brace = i + tail.end() - 1
        close = cpp_text.matching(code, open_brace)
        if close > 0:
            yield start, code[start + 1:end].strip(), code[open_brace + 1:close]


def without_lambdas(body):
    for start, _, inner in list(lambdas(body)):
        at = body.find(inner, start)
        if inner and at >= 0:
            body = body[:at] + re.sub(r"[^\n]", " ", inner) + body[at + len(inner):]
    return body


def check(path, code):
    findings = []

    def add(offset, rule, message):
        findings.append(Finding(path, cpp_text.line_of(code, offset), rule, message))

    for match in _CO.finditer(code):
        start, wrong_before = before(code, match.start())
        end, wrong_after = after(code, match.end())
        statement = code[start:end]
        wrong = wrong_before or wrong_after
        if not wrong and "?" in statement:
            wrong = "?:"
        if not wrong and any(True for _ in lambdas(statement)):
            wrong = "a lambda"
        if wrong:
            add(match.start(), "co-await-statement", f"{wrong} in a statement with co_await: name it first")
        if re.search(r"\bauto\b[\s&]*\[[^\]]*\]\s*=\s*[^;]*$", code[start:match.start()]):
            add(match.start(), "co-await-binding", "bind a name first, then take it apart")
    for start, captures, body in lambdas(code):
        if captures and re.search(r"\bco_(?:await|return|yield)\b", without_lambdas(body)):
            add(start, "co-lambda-capture", "a coroutine lambda captures: its captures die first; "
                "write a function with parameters by value")
    for match in re.finditer(r"\(\s*\{", code):
        if re.search(r"(?:[=;{}(,]|\breturn)\s*$", code[:match.start()]):
            add(match.start(), "statement-expression", "({ }) is miscompiled around co_await: use a statement")
    return findings
