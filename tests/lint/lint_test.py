# SPDX-License-Identifier: Apache-2.0
"""lint.selftest: each rule sees a planted violation and leaves its nearest lawful neighbour alone."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import coroutines
import cpp_text
import includes
import style

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class Tree:
    """Files as literals in a temporary tree."""

    def __init__(self, files):
        self.dir = tempfile.TemporaryDirectory()
        self.root = self.dir.name
        for path, text in files.items():
            full = os.path.join(self.dir.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dir.cleanup()


def include_findings(files):
    layers = includes.Layers(cpp_text.read(HERE, "layers.txt"))
    with Tree(files) as tree:
        return [str(f) for f in includes.check(tree.root, layers)]


def style_findings(files, allow="", patterns=()):
    with Tree(files) as tree:
        return [str(f) for f in style.check(tree.root, style.Allowed(allow), list(patterns))]


def coroutine_rules(statement):
    code = "awaitable<void> Loop() {\n" + statement + "\n}\n"
    return sorted({f.rule for f in coroutines.check("x.cc", cpp_text.strip(code))})


class Includes(unittest.TestCase):
    def one(self, path, line, expected):
        findings = include_findings({path: SPDX + line + "\n"})
        if expected is None:
            self.assertEqual(findings, [])
        else:
            self.assertEqual(len(findings), 1, findings)
            self.assertRegex(findings[0], rf"^{re.escape(path)}:2: include: .*{expected}")

    def test_lower_layer_never_includes_a_higher_one(self):
        self.one("common/base/a.cc", '#include "common/bpf/program.h"', "common/base may not include common/bpf")
        self.one("common/seccomp/a.cc", '#include "common/bpf/program.h"', "may not include common/bpf")
        self.one("common/bpf/a.cc", '#include "common/seccomp/profile.h"', None)

    def test_pure_half_of_kube_never_includes_net(self):
        self.one("common/kube/pod.cc", '#include "common/net/backoff.h"', "may not include common/net")
        self.one("common/kube/api_client.cc", '#include "common/net/backoff.h"', None)

    def test_common_never_includes_agent(self):
        self.one("common/audit/a.cc", '#include "agent/log.h"', "common/ never includes agent/")
        self.one("agent/source/a.cc", '#include "agent/cli/audit.h"', "agent/source may not include agent/cli")
        self.one("agent/cli/a.cc", '#include "agent/source/source.h"', None)
        self.one("agent/main.cc", '#include "agent/log.h"', None)

    def test_product_never_includes_tests(self):
        self.one("agent/main.cc", '#include "tests/support/temp_dir.h"', "never includes tests/")

    def test_third_parties_stay_behind_their_fences(self):
        self.one("common/bpf/decide.cc", "#include <seccomp.h>", "fenced")
        self.one("common/bpf/compile.cc", "#include <seccomp.h>", None)
        self.one("agent/config.cc", "#include <yaml-cpp/yaml.h>", "fenced")
        self.one("common/audit/report.cc", "#include <boost/json/value.hpp>", "fenced")
        self.one("common/kube/client.cc", '#include <boost/beast/http.hpp>', "fenced")
        self.one("common/net/server.h", "#include <boost/beast/http.hpp>", "fenced")
        self.one("common/net/server.cc", "#include <boost/beast/http.hpp>", None)
        self.one("common/procfs/scanner.cc", "#include <bpf/libbpf.h>", "fenced")
        self.one("common/audit/report.cc", "#include <CLI/CLI.hpp>", "fenced")
        self.one("common/seccomp/render.cc", "#include <openssl/evp.h>", "fenced")

    def test_pure_code_makes_no_system_call(self):
        self.one("common/seccomp/parse.cc", "#include <fcntl.h>", "fenced")
        self.one("common/audit/verdict.cc", "#include <unistd.h>", "fenced")
        self.one("common/procfs/status.cc", "#include <sys/stat.h>", "fenced")
        self.one("common/procfs/status.h", "#include <sys/types.h>", None)

    def test_a_header_nobody_named_is_refused(self):
        self.one("common/base/a.cc", "#include <absl/strings/str_cat.h>", "has no line in layers.txt")
        self.one("common/base/a.cc", '#include "strings.h"', "from the repository root")
        self.one("common/base/a.cc", "#include HEADER", "not a macro")
        self.one("common/base/a.cc", "#include <string_view>", None)

    def test_comments_are_not_includes_but_odd_spacing_is(self):
        self.one("common/base/a.cc", '/*\n#include "agent/log.h"\n*/ // #include <seccomp.h>', None)
        self.one("common/base/a.cc", '  #  include  "agent/log.h"', "never includes agent/")

    def test_unknown_folder_is_a_finding(self):
        self.assertRegex(include_findings({"common/helpers/a.h": SPDX})[0], "no layer line")

    def test_header_cycles_are_found(self):
        findings = include_findings({
            "common/base/a.h": SPDX + '#include "common/base/b.h"\n',
            "common/base/b.h": SPDX + '#include "common/base/a.h"\n'})
        self.assertEqual(len(findings), 1)
        self.assertIn("cycle: common/base/a.h -> common/base/b.h -> common/base/a.h", findings[0])


class Style(unittest.TestCase):
    def test_missing_spdx_line(self):
        for path in ("a/x.cc", "a/x.h", "a/x.py", "a/x.sh", "a/CMakeLists.txt"):
            self.assertRegex(style_findings({path: "\n"})[0], rf"{path}:1: spdx")
            self.assertEqual(style_findings({path: "# SPDX-License-Identifier: Apache-2.0\n"}), [])
        self.assertRegex(style_findings({"a/tool": "#!/bin/sh\n"})[0], "spdx")

    def test_long_file_unless_allowed_with_a_reason(self):
        files = {"a/x.cc": SPDX + "\n" * 400}
        self.assertRegex(style_findings(files)[0], "a/x.cc:401: file-length: 401 lines")
        self.assertEqual(style_findings(files, "file-length a/x.cc one table\n"), [])
        self.assertEqual(style_findings({"a/x.cc": SPDX + "\n" * 399}), [])
        with self.assertRaises(ValueError):
            style.Allowed("file-length a/x.cc\n")

    def test_allowance_without_need_is_a_finding(self):
        self.assertRegex(style_findings({"a/x.cc": SPDX}, "file-length a/x.cc why\n")[0], "no longer needed")

    def test_long_function(self):
        body = "".join(f"  Step({i});\n" for i in range(60))
        for head, name in (("int Run(int argc) {\n", "Run"), ("TEST(Suite, Case) {\n", "TEST"),
                           ("Scanner::Scanner(int fd)\n    : fd_(fd) {\n", "Scanner::Scanner")):
            text = SPDX + "namespace x {\nnamespace {\n" + head + body + "}\n}\n}\n"
            findings = style_findings({"a/x.cc": text})
            self.assertEqual(len(findings), 1, findings)
            self.assertIn(f"a/x.cc:4: function-length: {name} has", findings[0])
        short = "".join(f"  Step({i});\n" for i in range(57))
        two = SPDX + "void A() {\n" + short + "}\nvoid B() {\n" + short + "}\n"
        self.assertEqual(style_findings({"a/x.cc": two}), [])
        table = SPDX + "class C {\n public:\n" + "  int F() const { return 1; }\n" * 80 + "};\n"
        self.assertEqual(style_findings({"a/x.cc": table}), [])
        data = SPDX + "constexpr int kTable[] = {\n" + "  1,\n" * 80 + "};\n"
        self.assertEqual(style_findings({"a/x.cc": data}), [])

    def test_result_without_nodiscard(self):
        for line in ("base::Result<int> Parse(int x);", "static base::Result<> Sync();",
                     "virtual Result<std::vector<int>> Read() = 0;",
                     "boost::asio::awaitable<base::Result<int>> Get(int x);",
                     "template <class T>\nbase::Result<T> Make(T x);",
                     "base::Result<std::map<int, int>>\nParse(int x);"):
            self.assertIn("nodiscard", "".join(style_findings({"a/x.h": SPDX + line + "\n"})), line)
            self.assertEqual(style_findings({"a/x.h": SPDX + "[[nodiscard]] " + line.replace(
                "template <class T>\n", "") + "\n"}), [], line)
        for line in ("using F = std::function<base::Result<>(int)>;", "base::Result<int> last_;",
                     "// base::Result<int> Parse(int);", "void Take(base::Result<int> value);"):
            self.assertEqual(style_findings({"a/x.h": SPDX + line + "\n"}), [], line)
        self.assertEqual(style_findings({"a/x.cc": SPDX + "base::Result<int> Parse(int x) { return x; }\n"}), [])

    def test_forbidden_text(self):
        patterns = [re.compile(p) for p in cpp_text.read(HERE, "forbidden.txt").splitlines()
                    if p and not p.startswith("#")]
        for text in ("/wor" + "k/main/x", "see https://registry.npm" + "js.org/x", "Co-Authored" + "-By: x"):
            self.assertIn("a/x.md:1: forbidden", "".join(style_findings({"a/x.md": text + "\n"}, "", patterns)))
        for text in ("the agent", "network/route", "a/wor" + "k/b", "framework/x"):
            self.assertEqual(style_findings({"a/x.md": text + "\n"}, "", patterns), [], text)


class Coroutines(unittest.TestCase):
    def test_statement_with_more_than_names_calls_and_literals(self):
        for statement in ("co_await Send(Request{1, 2});", "auto r = co_await Send({1, 2});",
                          "co_await Post([x] { Use(x); });", "co_await Send(ok ? a : b);",
                          "auto r = ok ? co_await A() : co_await B();", "co_await Send(Agg{}, 1);",
                          "Use(Agg{1}, co_await Get());", "return Agg{co_await Get()};",
                          "auto a = Agg{.x = co_await Get()};", "auto r = co_await F([] { return 1; });"):
            self.assertEqual(coroutine_rules(statement), ["co-await-statement"], statement)

    def test_lawful_statements(self):
        for statement in ("auto r = co_await Get(1, \"a{b?}\");", "if (co_await Get()) {\n  Use();\n}",
                          "TRY_ASSIGN(auto x, co_await Get(y));", "while (co_await Next(x)) {\n}",
                          "const Agg a{1, 2};\nco_await Send(std::move(a));", "x = ok ? 1 : 2;\nco_await Get();",
                          "if (x) {\n  co_await Get();\n} else {\n  co_await Get();\n}",
                          "for (int i = 0; i < 3; ++i) {\n  co_await Get(i);\n}", "// co_await F({1});\n",
                          "const auto f = [](int x) { return x; };\nco_await Get(f);",
                          "switch (x) {\n  case 1: {\n    co_await Get(values[2]);\n  }\n}"):
            self.assertEqual(coroutine_rules(statement), [], statement)

    def test_direct_structured_binding(self):
        self.assertEqual(coroutine_rules("auto [error, n] = co_await Read();"), ["co-await-binding"])
        self.assertEqual(coroutine_rules("const auto& [error, n] = co_await Read();"), ["co-await-binding"])
        self.assertEqual(coroutine_rules("auto r = co_await Read();\nauto& [error, n] = r;"), [])

    def test_capturing_lambda_coroutine(self):
        for captures in ("this", "&", "x = std::move(y)"):
            self.assertEqual(coroutine_rules(
                f"co_spawn(context, [{captures}]() -> awaitable<void> {{ co_return; }}, detached);"),
                ["co-lambda-capture"], captures)
        self.assertEqual(coroutine_rules(
            "co_spawn(context, []() -> awaitable<void> { co_return; }, detached);"), [])
        self.assertEqual(coroutine_rules("Defer([this] { Stop(); });\nco_return;"), [])

    def test_statement_expression(self):
        self.assertEqual(coroutine_rules("int x = ({ int y = 1; y; });"), ["statement-expression"])
        self.assertEqual(coroutine_rules("Call({1, 2});"), [])


class Scripts(unittest.TestCase):
    """The two programs as ctest runs them: exit 1 and file:line on a bad tree, 0 on a good one."""

    def run_script(self, name, root):
        return subprocess.run([sys.executable, os.path.join(HERE, name), root], capture_output=True,
                              text=True, check=False)

    def test_exit_codes(self):
        lint = {f"tests/lint/{n}": cpp_text.read(HERE, n) for n in ("layers.txt", "allow.txt", "forbidden.txt")}
        lint["tests/lint/allow.txt"] = SPDX.replace("//", "#")
        for name, finding in (("includes.py", "common/base/a.h:1: include:"), ("style.py", "a.h:1: spdx:")):
            with Tree({**lint, "common/base/a.h": SPDX + "#include <string>\n"}) as good:
                result = self.run_script(name, good.root)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            with Tree({**lint, "common/base/a.h": '#include "agent/log.h"\n'}) as bad:
                result = self.run_script(name, bad.root)
            self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
            self.assertIn(finding, result.stdout)


if __name__ == "__main__":
    unittest.main()
