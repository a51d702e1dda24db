// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace seccompd::agent {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Outcome Render(const std::string& text, const std::string& key = {}) {
  const RenderOptions options{.input = "-", .key = key, .node = {.arch = seccomp::Arch::kX86_64}};
  std::istringstream in(text);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = RunRender(options, in, out, err);
  return {exit_code, out.str(), err.str()};
}

constexpr char kTwo[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  a.yaml: 'defaultAction: "
    "SCMP_ACT_LOG'\n  b.json: '{\"defaultAction\": \"SCMP_ACT_KILL\"}'\n";

TEST(RunRender, PrintsTheCanonicalFileAndNothingElse) {
  const Outcome outcome = Render("defaultAction: SCMP_ACT_KILL # comment\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "{\n  \"defaultAction\": \"SCMP_ACT_KILL_THREAD\"\n}\n");
  EXPECT_EQ(Render(outcome.out).out, outcome.out);
}

TEST(RunRender, SeveralProfilesNeedAKey) {
  const Outcome outcome = Render(kTwo);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("choose one with --key\n  a.yaml (web/a.json)\n  b.json"));
}

TEST(RunRender, AKeyIsAKeyOrAPath) {
  EXPECT_THAT(Render(kTwo, "b.json").out, HasSubstr("KILL_THREAD"));
  EXPECT_THAT(Render(kTwo, "web/a.json").out, HasSubstr("LOG"));
  EXPECT_THAT(Render(kTwo, "web/a.json").err, HasSubstr("# web/a.json\n"));
  const Outcome none = Render(kTwo, "c.json");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("no key c.json in <stdin>; there are\n  a.yaml"));
}

TEST(RunRender, RefusedProfilesPrintNothing) {
  for (const char* text : {"{}", "{", "", R"({"defaultAction": "SCMP_ACT_LOG",
                                            "architectures": ["SCMP_ARCH_S390X"]})"}) {
    const Outcome outcome = Render(text);
    EXPECT_EQ(outcome.exit_code, 1) << text;
    EXPECT_EQ(outcome.out, "") << text;
    EXPECT_THAT(outcome.err, HasSubstr("error E0")) << text;
  }
}

TEST(RunRender, ManifestWithoutProfilesSaysSo) {
  const Outcome outcome = Render("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("no profile in <stdin>"));
}

TEST(RunRender, UnreadableInputIsAnError) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(RunRender({.input = "/nonexistent/x.json"}, in, out, err), 1);
  EXPECT_THAT(err.str(), HasSubstr("/nonexistent/x.json: cannot be read"));
  EXPECT_EQ(RunRender({}, in, out, err), 2);
}

}  // namespace
}  // namespace seccompd::agent
