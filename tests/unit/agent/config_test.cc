// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/flags.h"
#include "agent/log.h"

namespace seccompd::agent {
namespace {

using ::testing::HasSubstr;

TEST(ParseConfigFile, ReadsScalarsAndLists) {
  const auto flags = ParseConfigFile("seccomp-root: /x\naudit-interval: 5s\nlist: [a, b]\nn: 0\n");
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ(*flags,
            (std::map<std::string, std::string>{
                {"seccomp-root", "/x"}, {"audit-interval", "5s"}, {"list", "a,b"}, {"n", "0"}}));
}

TEST(ParseConfigFile, AFlagWithoutANameIsAnError) {
  EXPECT_THAT(ParseConfigFile("a: 1\n\"\": 3\n").error().message,
              HasSubstr("line 2: a flag without a name"));
}

TEST(ParseConfigFile, NamesTheLineOfANestedOrRepeatedKey) {
  EXPECT_THAT(ParseConfigFile("a: 1\nb: {c: 1}\n").error().message, HasSubstr("line 2"));
  EXPECT_THAT(ParseConfigFile("a: 1\na: 2\n").error().message, HasSubstr("twice"));
  EXPECT_FALSE(ParseConfigFile("- a\n"));
  EXPECT_FALSE(ParseConfigFile("a: 1\n---\nb: 1\n"));
}

TEST(ParseConfigFile, AnEmptyFileSetsNothing) {
  const auto flags = ParseConfigFile("# nothing\n");
  ASSERT_TRUE(flags);
  EXPECT_TRUE(flags->empty());
}

TEST(DirectoryOf, TakesOnlyTheDirForm) {
  EXPECT_EQ(DirectoryOf("--source", "dir:/a:b"), "/a:b");
  EXPECT_THAT(DirectoryOf("--source", "/a").error().message, HasSubstr("dir:PATH"));
  EXPECT_FALSE(DirectoryOf("--source", "dir:"));
}

TEST(EnvironmentName, FollowsTheFlag) {
  EXPECT_EQ(EnvironmentName("web.listen-address"), "SECCOMPD_WEB_LISTEN_ADDRESS");
}

TEST(FormatLogLine, JsonCannotBeForgedByAValue) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, "profile installed",
                          {{"path", "a\"\n{\"msg\":\"x"}, {"count", std::int64_t{3}}}),
            R"("msg":"profile installed","path":"a\"\n{\"msg\":\"x","count":3)");
}

TEST(FormatLogLine, TextQuotesSpacesAndEscapesControls) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "m", {{"a", "b c"}, {"d", "\x1b[1m"}, {"e", ""}}),
            "m a=\"b c\" d=\\x1b[1m e=\"\"");
}

}  // namespace
}  // namespace seccompd::agent
