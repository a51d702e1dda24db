// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/seccomp/path.h"

namespace seccompd::seccomp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "CODE pointer" of every diagnostic.
std::vector<std::string> Codes(const ParsedProfile& parsed) {
  std::vector<std::string> out;
  for (const Diagnostic& d : parsed.diagnostics)
    out.push_back(std::string(d.code) + " " + d.pointer);
  return out;
}

TEST(ParseProfile, ReadsEveryField) {
  const auto parsed = ParseProfile(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "listenerPath": "/run/a.sock", "listenerMetadata": "m",
    "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_TRACE", "errnoRet": 7,
                  "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 3,
                            "op": "SCMP_CMP_MASKED_EQ"}]}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_THAT(parsed.diagnostics, IsEmpty());
  const Profile expected{.default_action = ActionKind::kErrno,
                         .default_errno_ret = 38,
                         .architectures = {Arch::kX86_64, Arch::kX32},
                         .flags = std::vector{FilterFlag::kLog},
                         .listener_path = "/run/a.sock",
                         .listener_metadata = "m",
                         .syscalls = {{.names = {"read", "write"},
                                       .action = ActionKind::kTrace,
                                       .errno_ret = 7,
                                       .args = {{.index = 1,
                                                 .op = CompareOp::kMaskedEq,
                                                 .value = 18446744073709551615U,
                                                 .value_two = 3}}}}};
  EXPECT_EQ(*parsed.profile, expected);
}

TEST(ParseProfile, YamlMeansTheSameAsJson) {
  const auto yaml = ParseProfile(
      "# comment\ndefaultAction: SCMP_ACT_ERRNO\nsyscalls:\n- names: [clone]\n  action: "
      "SCMP_ACT_ALLOW\n  args:\n  - {index: 0, value: 0x7E020000, valueTwo: 0, op: "
      "SCMP_CMP_MASKED_EQ}\n");
  const auto json = ParseProfile(
      R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"],
          "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288,
          "op": "SCMP_CMP_MASKED_EQ"}]}]})");
  ASSERT_TRUE(yaml.profile);
  ASSERT_TRUE(json.profile);
  EXPECT_EQ(*yaml.profile, *json.profile);
}

TEST(ParseProfile, NumbersAreWholeAndUnambiguous) {
  const auto value = [](std::string_view literal) {
    return ParseProfile(
        "defaultAction: SCMP_ACT_ERRNO\nsyscalls:\n- names: [a]\n  action: "
        "SCMP_ACT_ALLOW\n  args: [{index: 0, op: SCMP_CMP_EQ, value: " +
        std::string(literal) + "}]\n");
  };
  EXPECT_EQ(value("0x1F").profile->syscalls[0].args[0].value, 31U);
  EXPECT_EQ(value("0o17").profile->syscalls[0].args[0].value, 15U);
  for (const std::string_view bad : {"010", "1.0", "1e3", "-1", "-0", "+1", "18446744073709551616",
                                     ".inf", "0x", "'1'", "1_000"}) {
    const auto parsed = value(bad);
    EXPECT_FALSE(parsed.profile) << bad;
    EXPECT_EQ(parsed.diagnostics.size(), 1U) << bad;
  }
}

TEST(ParseProfile, NullIsAbsent) {
  const auto parsed = ParseProfile(
      R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": null, "architectures": null,
          "flags": null, "syscalls": [{"names": ["a"], "action": "SCMP_ACT_LOG", "args": null,
          "errnoRet": null, "comment": null}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_THAT(parsed.diagnostics, IsEmpty());
  EXPECT_EQ(parsed.profile->flags, std::nullopt);
  EXPECT_THAT(Codes(ParseProfile(R"({"defaultAction": null})")), ElementsAre("E0104 "));
}

TEST(ParseProfile, EmptyDockerFieldsAndCommentsAreHarmless) {
  const auto parsed = ParseProfile(
      R"({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [], "defaultErrno": "",
          "syscalls": [{"names": ["a"], "name": "", "action": "SCMP_ACT_LOG", "args": [],
          "comment": "why", "includes": {}, "excludes": {"caps": [], "arches": null}}]})");
  EXPECT_TRUE(parsed.profile);
  EXPECT_THAT(parsed.diagnostics, IsEmpty());
}

TEST(ParseProfile, MisCasedKeysMeanWhatGoTakesThemFor) {
  // U+017F and U+212A fold to s and k in encoding/json.
  const auto parsed = ParseProfile(
      "{\"DEFAULTACTION\": \"SCMP_ACT_ERRNO\", \"\xc5\xbfyscalls\": [{\"Names\": [\"a\"], "
      "\"action\": \"SCMP_ACT_LOG\"}]}");
  ASSERT_TRUE(parsed.profile);
  EXPECT_EQ(parsed.profile->syscalls.size(), 1U);
  EXPECT_THAT(Codes(parsed), ElementsAre("W0102 /DEFAULTACTION", "W0102 /\xc5\xbfyscalls",
                                         "W0102 /\xc5\xbfyscalls/0/Names"));
}

TEST(ParseProfile, TheLastDuplicateThatIsNotNullCounts) {
  const auto parsed = ParseProfile(
      R"({"defaultAction": "SCMP_ACT_ALLOW", "DefaultAction": "SCMP_ACT_KILL",
          "defaultAction": null})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_EQ(parsed.profile->default_action, ActionKind::kKillThread);
  EXPECT_THAT(Codes(parsed),
              ElementsAre("W0102 /DefaultAction", "W0103 /DefaultAction", "W0103 /defaultAction"));
}

TEST(ParseProfile, ErrnoZeroPretendsSuccessAndIsAllowed) {
  const auto parsed = ParseProfile(
      R"({"defaultAction": "SCMP_ACT_ALLOW",
          "syscalls": [{"names": ["chown"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_EQ(parsed.profile->syscalls[0].errno_ret, 0U);
}

TEST(ParseProfile, EveryMistakeIsReportedAtOnce) {
  const auto parsed = ParseProfile(
      "{\"defaultAction\": \"X\",\n \"syscalls\": [{\"names\": [1, \"a\"], \"action\": \"Y\"},\n"
      "   7]}");
  EXPECT_FALSE(parsed.profile);
  EXPECT_THAT(Codes(parsed), ElementsAre("E0105 /defaultAction", "E0102 /syscalls/0/names/0",
                                         "E0105 /syscalls/0/action", "E0102 /syscalls/1"));
  EXPECT_EQ(parsed.diagnostics[3].line, 3U);
  EXPECT_EQ(parsed.diagnostics[3].column, 4U);
}

TEST(ParseProfile, AManifestIsNamedAsOne) {
  const auto parsed = ParseProfile("apiVersion: v1\nkind: ConfigMap\ndata: {}\n");
  EXPECT_THAT(Codes(parsed), ::testing::Contains("E0104 "));
  bool told = false;
  for (const Diagnostic& d : parsed.diagnostics) {
    told |= d.message.find("manifest of kind 'ConfigMap'") != std::string::npos;
  }
  EXPECT_TRUE(told);
}

TEST(ParseProfile, LimitsAreErrorsAndNeverTruncate) {
  const std::string text =
      R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["a", "b"], "action": "SCMP_ACT_LOG",
           "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
          {"names": ["c"], "action": "SCMP_ACT_LOG"}]})";
  EXPECT_TRUE(ParseProfile(text, {.rules = 2, .names = 3, .args = 1}).profile);
  EXPECT_THAT(Codes(ParseProfile(text, {.rules = 1})), ElementsAre("E0103 /syscalls"));
  EXPECT_THAT(Codes(ParseProfile(text, {.names = 2})), ElementsAre("E0103 /syscalls/1/names"));
  EXPECT_THAT(Codes(ParseProfile(text, {.args = 0})), ElementsAre("E0103 /syscalls/0/args"));
  EXPECT_THAT(Codes(ParseProfile(text, {.conditions = 1})), ElementsAre("E0103 /syscalls/0/args"));
  EXPECT_THAT(Codes(ParseProfile(text, {.bytes = 10})), ElementsAre("E0103 "));
}

TEST(ParseProfile, HostileWordsAreShownNotObeyed) {
  const auto parsed =
      ParseProfile(R"({"defaultAction": "\u001b[2J)" + std::string(10'000, 'x') + R"("})");
  ASSERT_EQ(parsed.diagnostics.size(), 1U);
  EXPECT_THAT(parsed.diagnostics[0].message, HasSubstr("\\x1b[2J"));
  EXPECT_LT(parsed.diagnostics[0].message.size(), 200U);
}

TEST(ParseProfile, TheCapKeepsErrorsAndSaysHowManyMore) {
  std::string text = R"({"defaultAction": "SCMP_ACT_ALLOW")";
  for (int i = 0; i < 1'000; ++i) text += ", \"k" + std::to_string(i) + "\": 1";
  text += R"(, "flags": ["X"]})";
  const auto parsed = ParseProfile(text);
  EXPECT_FALSE(parsed.profile);
  ASSERT_EQ(parsed.diagnostics.size(), kMaxDiagnostics + 1);
  EXPECT_TRUE(HasErrors(parsed.diagnostics));
  EXPECT_EQ(parsed.diagnostics.back().code, codes::kMoreFindings);
  EXPECT_THAT(parsed.diagnostics.back().message, HasSubstr("801 more"));
}

TEST(Path, SpellsRfc6901Pointers) {
  const Path root;
  const Path list = root.Key("a/b~c");
  EXPECT_EQ(root.ToPointer(), "");
  EXPECT_EQ(list.Index(3).Key("").ToPointer(), "/a~1b~0c/3/");
}

TEST(Locate, FollowsFoldedKeysAndStopsAtTheClosestParent) {
  const auto root = document::ParseJson("{\"Syscalls\":\n[{\"names\": [\"a\"]}]}");
  ASSERT_TRUE(root);
  std::string pointer = "/syscalls/0/names/0";
  EXPECT_EQ(Locate(*root, pointer).scalar, "a");
  EXPECT_EQ(pointer, "/Syscalls/0/names/0");
  pointer = "/syscalls/0/args/2";
  EXPECT_EQ(Locate(*root, pointer).line, 2U);
  EXPECT_EQ(pointer, "/Syscalls/0");
}

}  // namespace
}  // namespace seccompd::seccomp
