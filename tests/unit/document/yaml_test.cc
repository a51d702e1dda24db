// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/document/document.h"
#include "tests/unit/document/spell.h"

namespace seccompd::document {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Read(std::string_view text) {
  const auto documents = ParseYaml(text);
  if (!documents) return documents.error().message;
  std::string out;
  for (const Node& node : *documents) out += (out.empty() ? "" : " | ") + Spell(node);
  return out;
}

TEST(ParseYaml, ResolvesPlainScalarsByTheCoreSchema) {
  EXPECT_EQ(Read("[a, yes, no, on, true, True, FALSE, tRUE, null, ~, NULL, nil]"),
            "['a', 'yes', 'no', 'on', true, true, false, 'tRUE', null, null, null, 'nil']");
  EXPECT_EQ(
      Read("[0, -1, +1, 010, 0x1F, 0o17, 0b1, 1_0, 1.5, .5, 1., 1e3, .inf, -.INF, .nan, 1:30]"),
      "[0, -1, +1, 010, 0x1F, 0o17, '0b1', '1_0', 1.5, .5, 1., 1e3, .inf, -.INF, .nan, '1:30']");
  EXPECT_EQ(Read("[., 1e, 0x, 12a]"), "['.', '1e', '0x', '12a']");
}

TEST(ParseYaml, QuotedScalarsAndTagsKeepTheirKind) {
  EXPECT_EQ(Read("['true', \"12\", !!str 12, !!int 12, !!bool true, !!null ~, \"\"]"),
            "['true', '12', '12', 12, true, null, '']");
  EXPECT_THAT(Read("a: !!int x"), HasSubstr("not supported"));
  EXPECT_THAT(Read("a: !!binary aGk="), HasSubstr("not supported"));
  EXPECT_THAT(Read("a: !Custom x"), HasSubstr("the tag !Custom is not supported"));
  EXPECT_THAT(Read("a: !!set {b}"), HasSubstr("not supported"));
}

TEST(ParseYaml, KeepsOrderAndDuplicates) {
  EXPECT_EQ(Read("b: 1\na:\n- x\n- {k: v}\nb: 2\n"), "{b: 1, a: ['x', {k: 'v'}], b: 2}");
}

TEST(ParseYaml, ReadsBlockScalarsAndTellsWhereTheyBegin) {
  const auto documents = ParseYaml("a: 1\nb: |\n  {\"x\":\n   1}\nc: >\n  folded\n  text\n");
  ASSERT_TRUE(documents);
  const Node& block = *documents->front().Find("b");
  EXPECT_EQ(block.scalar, "{\"x\":\n 1}\n");
  EXPECT_EQ(block.line, 2U);
  EXPECT_EQ(block.column, 4U);
  EXPECT_EQ(documents->front().Find("c")->scalar, "folded text\n");
}

TEST(ParseYaml, ReadsManyDocumentsAndSkipsEmptyOnes) {
  EXPECT_EQ(Read("--- \na: 1\n---\n# nothing\n---\nb: 2\n...\n"), "{a: 1} | {b: 2}");
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("# only a comment\n"), "");
  EXPECT_EQ(Read("a: \xc3\xa4\n---\nb: 2"), "{a: '\xc3\xa4'} | {b: 2}");
}

TEST(ParseYaml, ExpandsAliases) {
  EXPECT_EQ(Read("a: &x {k: [1]}\nb: *x\nc: &y s\nd: *y"),
            "{a: {k: [1]}, b: {k: [1]}, c: 's', d: 's'}");
}

TEST(ParseYaml, AnchorsEndWithTheirDocument) {
  EXPECT_THAT(Read("a: &x 1\n---\nb: *x"), HasSubstr("anchor is not defined"));
}

TEST(ParseYaml, AcceptsWindowsLineEndings) { EXPECT_EQ(Read("a: 1\r\nb: 2\r\n"), "{a: 1, b: 2}"); }

struct Mistake {
  std::string_view text;
  std::string_view message;
};
class ParseYamlMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ParseYamlMistake, IsNamedWithItsPlace) {
  Position at;
  const auto documents = ParseYaml(GetParam().text, {}, &at);
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_THAT(documents.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(documents.error().message, StartsWith("line " + std::to_string(at.line) + " column " +
                                                    std::to_string(at.column) + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseYamlMistake,
    ::testing::Values(
        Mistake{"{a: 1} {b: 2}", "line 1 column 8: text after the end of the value"},
        Mistake{"\"a\" \"b\"", "text after the end of the value"},
        Mistake{"- a\nb: c", "line 2 column 1: "}, Mistake{"a\n...\nb", "text after the end"},
        Mistake{"a: 1\n b: 2", "illegal map value"}, Mistake{"a: [1", "not found"},
        Mistake{"a: 'x", "illegal EOF"}, Mistake{"\ta: 1", "line 1"},
        Mistake{"a:\n\tb: 1", "line 2"},
        Mistake{"&a [*a]", "an alias inside the value that it names"},
        Mistake{"a: *none", "anchor is not defined"}, Mistake{"<<: {a: 1}", "merge keys"},
        Mistake{"? [a]\n: b", "a key must be a plain or quoted string"},
        Mistake{"a: &x b\n*x : c", "a key must be a plain or quoted string"},
        Mistake{"null: 1", "a key must be"}, Mistake{": 1", "a key must be"},
        Mistake{"&x a: 1", "line 1"}, Mistake{"!!int 1: x", "a key must be"},
        Mistake{"a: 1\rb: 2", "line 1 column 5: a control character or lone carriage return"},
        Mistake{std::string_view("a: 1\x04 b", 8), "control character"},
        Mistake{std::string_view("a: \0", 4), "control character"},
        Mistake{"\xef\xbb\xbf"
                "a: 1",
                "byte order mark"},
        Mistake{"a: 1\nb: \xc3", "line 2 column 4: the text is not UTF-8"}, Mistake{"@x", "line 1"},
        Mistake{"%YAML 2.0\n---\na: 1", "line 1"}));

TEST(ParseYaml, QuotedMergeKeyIsAnOrdinaryKey) { EXPECT_EQ(Read("\"<<\": 1"), "{<<: 1}"); }

}  // namespace
}  // namespace seccompd::document
