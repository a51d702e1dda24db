// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "agent/cli/validate_report.h"
#include "common/document/document.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using test_support::TempDir;
using test_support::TreeBuilder;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLog[] = R"({"defaultAction": "SCMP_ACT_LOG"})";
constexpr char kBad[] = R"({"defaultAction": "SCMP_ACT_LGO"})";

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Outcome Validate(ValidateOptions options, const std::string& input = {}) {
  options.node.arch = seccomp::Arch::kX86_64;
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = RunValidate(options, in, out, err);
  return {exit_code, out.str(), err.str()};
}
Outcome ValidateFiles(std::vector<std::string> inputs) {
  return Validate(ValidateOptions{.inputs = std::move(inputs)});
}

document::Node Json(const std::string& text) {
  auto node = document::ParseJson(text);
  EXPECT_TRUE(node) << (node ? "" : node.error().message) << text;
  return node ? *std::move(node) : document::Node{};
}

TEST(RunValidate, WithoutInputIsWrongUse) {
  const Outcome outcome = ValidateFiles({});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("name a file"));
}

TEST(RunValidate, WarningsFailOnlyWhenAsked) {
  EXPECT_EQ(Validate({.inputs = {"-"}}, kLog).exit_code, 0);
  EXPECT_EQ(Validate({.inputs = {"-"}, .fail_on_warning = true}, kLog).exit_code, 1);
  const Outcome bad = Validate({.inputs = {"-"}}, kBad);
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.out, HasSubstr("<stdin>:1:19: error E0105 /defaultAction: unknown action "
                                 "'SCMP_ACT_LGO'; did you mean SCMP_ACT_LOG?\n"));
  EXPECT_THAT(bad.out, HasSubstr("1 profile, 0 valid, 1 refused; 1 error, 0 warnings\n"));
}

TEST(RunValidate, DirectoriesAreWalkedInSortedOrder) {
  TempDir dir;
  TreeBuilder(dir.path())
      .File("b/z.yaml", "defaultAction: SCMP_ACT_LOG\n")
      .File("b/.hidden.json", kBad)
      .File("b/notes.txt", "text")
      .File("a.json", kLog)
      .File("c.yml", kLog);
  const Outcome outcome = ValidateFiles({dir.path()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::size_t a = outcome.out.find("localhostProfile: a.json");
  const std::size_t b = outcome.out.find("localhostProfile: b/z.json");
  const std::size_t c = outcome.out.find("localhostProfile: c.json");
  EXPECT_LT(a, b);
  EXPECT_LT(b, c);
  EXPECT_NE(c, std::string::npos);
  EXPECT_THAT(outcome.out, Not(HasSubstr("hidden")));
  EXPECT_EQ(outcome.out, ValidateFiles({dir.path()}).out);
}

TEST(RunValidate, WhatCannotBeReadIsSaid) {
  TempDir dir;
  TreeBuilder(dir.path())
      .File("empty/readme.txt", "")
      .File("junk.json", std::string("\x7f"
                                     "ELF\xff\0",
                                     6));
  ASSERT_EQ(mkfifo(dir.Join("pipe.json").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", dir.Join("link.json"));
  const Outcome outcome = ValidateFiles({dir.Join("none.json"), dir.Join("empty"), dir.path()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("none.json: error E0401: cannot be read: open: No such file"));
  EXPECT_THAT(outcome.out, HasSubstr("empty: error E0401: no .json, .yaml or .yml file"));
  EXPECT_THAT(outcome.out, HasSubstr("pipe.json: error E0401: not a regular file"));
  EXPECT_THAT(outcome.out, HasSubstr("link.json: error E0401: not a regular file"));
  EXPECT_THAT(outcome.out,
              HasSubstr("junk.json:1:5: error E0101: not YAML: the text is not UTF-8"));
}

constexpr char kPods[] = R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: app
        securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}
      - name: side
        securityContext: {seccompProfile: {type: Localhost, localhostProfile: b.jsn}}
)";

TEST(RunValidate, PodsAreHeldAgainstTheProfiles) {
  TempDir dir;
  TreeBuilder(dir.path())
      .File("profiles/a.json", kLog)
      .File("profiles/b.json", kLog)
      .File("pods/web.yaml", kPods);
  ValidateOptions options{.inputs = {dir.Join("profiles")}};
  options.pods = {dir.Join("pods")};
  const Outcome outcome = Validate(options);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out,
              HasSubstr("pods/web.yaml:11:79: error E0501 /spec/template/spec/containers/1/"
                        "securityContext/seccompProfile/localhostProfile: Deployment shop/web "
                        "side: no profile installs b.jsn; did you mean b.json?\n"));
  EXPECT_THAT(outcome.out, HasSubstr("provided  Deployment shop/web  app        a.json\n"));
  EXPECT_THAT(outcome.out, HasSubstr("2 references, 1 provided\n"));
  options.format = ValidateFormat::kJson;
  const document::Node json = Json(Validate(options).out);
  const document::Node& rows = *json.Find("files")->items.back().Find("references");
  ASSERT_EQ(rows.items.size(), 2U);
  EXPECT_EQ(rows.items[1].Find("state")->scalar, "missing");
  // Every profile that is asked for being there is success.
  options.format = ValidateFormat::kText;
  TreeBuilder(dir.path()).File("profiles/b.jsn.json", kLog).File("pods/web.yaml", "kind: Service");
  EXPECT_EQ(Validate(options).exit_code, 0);
  TreeBuilder(dir.path()).File("pods/web.yaml", "kind: [");
  EXPECT_EQ(Validate(options).exit_code, 1);
}

TEST(RunValidate, TenantsAreHeldToTheFloor) {
  const std::string manifest =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop, labels: "
      "{seccompd.io/profiles: 'true'}}\ndata:\n  a.yaml: 'defaultAction: SCMP_ACT_LOG'\n";
  ValidateOptions options{.inputs = {"-"}};
  options.floor = "runtime-default:containerd-1.7";
  EXPECT_EQ(Validate(options, manifest).exit_code, 0);  // of a trusted namespace
  options.tenant_namespaces = {"shop"};
  const Outcome refused = Validate(options, manifest);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.out, HasSubstr("error E0408: permits "));
  EXPECT_THAT(refused.out, HasSubstr("[ConfigMap web key a.yaml]"));
  TempDir dir;
  TreeBuilder(dir.path()).File("floor.json", kLog);
  options.floor = dir.Join("floor.json");
  const Outcome above = Validate(options, manifest);
  EXPECT_EQ(above.exit_code, 0) << above.out;
  EXPECT_THAT(above.out, HasSubstr("localhostProfile: ns/shop/web/a.json"));
  options.floor = dir.Join("none.json");
  EXPECT_EQ(Validate(options, manifest).exit_code, 2);
}

constexpr char kManifest[] = R"(apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  block.yaml: |
    defaultAction: SCMP_ACT_ERRNO

    syscalls:
    - names: ["äö", mount]  # two
      action: SCMP_ACT_ALOW
  quoted.json: "{\"defaultAction\":\n\"X\"}"
  folded.yaml: >
    defaultAction: Y
  notes.txt: hello
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
)";

TEST(RunValidate, ConfigMapFindingsPointIntoTheManifest) {
  const Outcome outcome = Validate({.inputs = {"-"}}, kManifest);
  EXPECT_THAT(outcome.out, HasSubstr("<stdin>:11:15: error E0105 /syscalls/0/action: "));
  EXPECT_THAT(outcome.out, HasSubstr("[ConfigMap web key block.yaml]"));
  // A quoted or folded text has no lines of its own: the place of the value.
  EXPECT_THAT(outcome.out,
              HasSubstr("<stdin>:12:16: error E0105 /defaultAction: unknown action 'X'"));
  EXPECT_THAT(outcome.out,
              HasSubstr("<stdin>:13:16: error E0105 /defaultAction: unknown action 'Y'"));
  EXPECT_THAT(outcome.out,
              HasSubstr("ignored  <stdin>: ConfigMap web key notes.txt: not a profile"));
  EXPECT_THAT(outcome.out, HasSubstr("ignored  <stdin>: Deployment web: not a ConfigMap"));
}

TEST(RunValidate, ColumnsCountCharacters) {
  const Outcome outcome =
      Validate({.inputs = {"-"}},
               "defaultAction: SCMP_ACT_ERRNO\nsyscalls:\n- {names: [\"äöü\", mount], "
               "action: SCMP_ACT_ALLOW}\n");
  EXPECT_THAT(outcome.out, HasSubstr("<stdin>:3:19: warning W0207 /syscalls/0/names/1"));
}

TEST(RunValidate, PathsFollowTheInstaller) {
  const auto manifest = [](std::string_view annotation, std::string_view key) {
    return "{apiVersion: v1, kind: ConfigMap, metadata: {name: web, annotations: {" +
           std::string(annotation) + "}}, data: {" + std::string(key) +
           ": 'defaultAction: SCMP_ACT_LOG'}}";
  };
  const auto out = [](const std::string& text) { return Validate({.inputs = {"-"}}, text).out; };
  EXPECT_THAT(out("# yaml\n" + manifest("", "a.yml")), HasSubstr("localhostProfile: web/a.json"));
  EXPECT_THAT(out("# yaml\n" + manifest("seccompd.io/path: profiles", "a.yml")),
              HasSubstr("localhostProfile: profiles/a.json"));
  EXPECT_THAT(out("# yaml\n" + manifest("seccompd.io/path: ../x", "a.yml")),
              HasSubstr("error E0403"));
  EXPECT_THAT(out("# yaml\n" + manifest("", ".seccompd.json")), HasSubstr("error E0403"));
}

TEST(RunValidate, OnePathTwiceInAConfigMapIsAnError) {
  const Outcome outcome =
      Validate({.inputs = {"-"}},
               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  a.json: "
               "'{\"defaultAction\": \"SCMP_ACT_LOG\"}'\n  a.yaml: 'defaultAction: "
               "SCMP_ACT_LOG'\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("<stdin>:6:11: error E0404"));
}

TEST(RunValidate, OnePathFromTwoFilesIsAWarning) {
  TempDir dir;
  TreeBuilder(dir.path()).File("a.json", kLog).File("a.yaml", "defaultAction: SCMP_ACT_LOG\n");
  const Outcome outcome = ValidateFiles({dir.path()});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, ContainsRegex("a.yaml:1:1: warning W0401: .*a.json claims a.json too"));
}

TEST(RunValidate, MalformedObjectsAreNamed) {
  const Outcome outcome = Validate(
      {.inputs = {"-"}}, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: 3\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("<stdin>: error E0402: ConfigMap web: "));
}

TEST(RunValidate, LibseccompsRefusalIsAFinding) {
  const Outcome outcome =
      Validate({.inputs = {"-"}},
               R"({"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_S390X"]})");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("error E0301: libseccomp refuses SCMP_ARCH_S390X"));
}

TEST(RunValidate, JsonIsOneObjectWithEveryFinding) {
  TempDir dir;
  TreeBuilder(dir.path()).File("a \"b\".json", kBad).File("web.yaml", kManifest);
  const Outcome outcome =
      Validate({.inputs = {dir.path()}, .format = ValidateFormat::kJson, .agent_version = "1.2.3"});
  EXPECT_EQ(outcome.exit_code, 1);
  const document::Node root = Json(outcome.out);
  EXPECT_EQ(root.Find("version")->scalar, "1");
  EXPECT_EQ(root.Find("agentVersion")->scalar, "1.2.3");
  const document::Node& file = root.Find("files")->items.at(0);
  EXPECT_THAT(file.Find("file")->scalar, HasSubstr("a \"b\".json"));
  const document::Node& profile = file.Find("profiles")->items.at(0);
  EXPECT_EQ(profile.Find("valid")->scalar, "false");
  EXPECT_EQ(profile.Find("localhostProfile")->scalar, "a \"b\".json");
  const document::Node& finding = profile.Find("diagnostics")->items.at(0);
  EXPECT_EQ(finding.Find("code")->scalar, "E0105");
  EXPECT_EQ(finding.Find("pointer")->scalar, "/defaultAction");
  EXPECT_EQ(finding.Find("column")->scalar, "19");
  EXPECT_EQ(root.Find("summary")->Find("profiles")->scalar, "4");
  EXPECT_EQ(root.Find("summary")->Find("refused")->scalar, "4");
}

TEST(RunValidate, SarifHasWhatCodeScanningNeeds) {
  TempDir dir;
  TreeBuilder(dir.path()).File("a b.json", kBad);
  const Outcome outcome = Validate(
      {.inputs = {dir.path()}, .format = ValidateFormat::kSarif, .agent_version = "1.2.3"});
  const document::Node root = Json(outcome.out);
  EXPECT_EQ(root.Find("version")->scalar, "2.1.0");
  const document::Node& run = root.Find("runs")->items.at(0);
  const document::Node& driver = *run.Find("tool")->Find("driver");
  EXPECT_EQ(driver.Find("name")->scalar, "seccompd");
  EXPECT_EQ(driver.Find("rules")->items.size(), seccomp::DiagnosticCodes().size());
  const document::Node& result = run.Find("results")->items.at(0);
  EXPECT_EQ(result.Find("ruleId")->scalar, "E0105");
  EXPECT_EQ(result.Find("level")->scalar, "error");
  const std::size_t rule = std::stoul(result.Find("ruleIndex")->scalar);
  EXPECT_EQ(driver.Find("rules")->items.at(rule).Find("id")->scalar, "E0105");
  const document::Node& location = *result.Find("locations")->items.at(0).Find("physicalLocation");
  EXPECT_THAT(location.Find("artifactLocation")->Find("uri")->scalar, HasSubstr("/a%20b.json"));
  EXPECT_EQ(location.Find("region")->Find("startColumn")->scalar, "19");
}

TEST(RunValidate, ColourIsOnlyForTerminals) {
  EXPECT_THAT(Validate({.inputs = {"-"}}, kBad).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(Validate({.inputs = {"-"}, .colour = true}, kBad).out, HasSubstr("\x1b[31merror"));
}

TEST(RunValidate, HostileNamesAreShownNotObeyed) {
  const Outcome outcome =
      Validate({.inputs = {"-"}},
               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"w\\e[2J\"}\ndata: "
               "{\"a\\e.json\": \"{}\"}\n");
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace seccompd::agent
