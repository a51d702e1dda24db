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
  const auto node = ParseJson(text);
  return node ? Spell(*node) : node.error().message;
}

TEST(ParseJson, KeepsOrderDuplicatesAndNumberSpellings) {
  EXPECT_EQ(Read(R"({"b": 1.50, "a": [true, null, -0], "b": 18446744073709551615, "c": 1e999})"),
            "{b: 1.50, a: [true, null, -0], b: 18446744073709551615, c: 1e999}");
}

TEST(ParseJson, DecodesEscapesAndKeepsLongStrings) {
  const std::string longer(10'000, 'x');
  EXPECT_EQ(Read(R"(["a\n\u00e4\ud83d\ude00\/", ")" + longer + R"(\t"])"),
            "['a\n\xc3\xa4\xf0\x9f\x98\x80/', '" + longer + "\t']");
}

TEST(ParseJson, KnowsLineAndColumnOfEveryValue) {
  const auto node = ParseJson("{\"a\\\"}\": 1,\n  \"b\": [ \"x:,]\",\r\n\tnull ]\n}\n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->line, 1U);
  EXPECT_EQ(node->column, 1U);
  EXPECT_EQ(node->members[0].value.column, 10U);
  const Node& list = node->members[1].value;
  EXPECT_EQ(list.line, 2U);
  EXPECT_EQ(list.column, 8U);
  EXPECT_EQ(list.items[0].column, 10U);
  EXPECT_EQ(list.items[1].line, 3U);
  EXPECT_EQ(list.items[1].column, 2U);
}

TEST(ParseJson, FindReturnsTheLastOfEqualKeys) {
  const auto node = ParseJson(R"({"a": 1, "A": 2, "a": 3})");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->Find("a")->scalar, "3");
  EXPECT_EQ(node->Find("A")->scalar, "2");
  EXPECT_EQ(node->Find("b"), nullptr);
}

struct Mistake {
  std::string_view text;
  std::string_view message;
};
class ParseJsonMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ParseJsonMistake, IsNamedWithItsPlace) {
  Position at;
  const auto node = ParseJson(GetParam().text, {}, &at);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(node.error().message, GetParam().message);
  EXPECT_THAT(node.error().message, StartsWith("line " + std::to_string(at.line) + " column " +
                                               std::to_string(at.column) + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseJsonMistake,
    ::testing::Values(
        Mistake{"", "line 1 column 1: the text is empty"},
        Mistake{" \n ", "line 2 column 2: the text is empty"},
        Mistake{"{\"a\": 1,}", "line 1 column 9: a comma before the closing bracket; remove it"},
        Mistake{"[1,\n ]", "line 2 column 2: a comma before the closing bracket; remove it"},
        Mistake{"{ // x\n}", "line 1 column 3: comments are not JSON; remove them, or write YAML"},
        Mistake{"{} # x", "line 1 column 4: text after the end of the JSON value"},
        Mistake{"{'a': 1}",
                "line 1 column 2: a single quote; JSON strings and keys need double quotes"},
        Mistake{"{\"a\": 1", "line 1 column 8: the text ends before the JSON value does"},
        Mistake{"[1 \"x\"]",
                "line 1 column 4: unexpected string; is a comma or a colon missing before it?"},
        Mistake{"[\"a\nb\"]",
                "line 1 column 4: a control character or line break inside a string; write it as "
                "\\n or \\u00XX"},
        Mistake{"[01]", "line 1 column 3: unexpected 1"},
        Mistake{"[NaN]", "line 1 column 2: unexpected N"},
        Mistake{"{}{}", "line 1 column 3: text after the end of the JSON value"},
        Mistake{"\xef\xbb\xbf{}",
                "line 1 column 1: the text begins with a byte order mark; save it as UTF-8 without "
                "one"},
        Mistake{"{\n\"a\xff\": 1}",
                "line 2 column 3: the text is not UTF-8 here; is this a binary file or another "
                "encoding?"}));

TEST(ParseJson, RefusesLoneSurrogates) {
  EXPECT_THAT(Read(R"(["\ud800"])"), HasSubstr("line 1"));
  EXPECT_THAT(Read(R"(["\udc00x"])"), HasSubstr("line 1"));
}

TEST(LooksLikeJson, DecidesByTheFirstCharacter) {
  EXPECT_TRUE(LooksLikeJson(" \n{"));
  EXPECT_TRUE(LooksLikeJson("["));
  EXPECT_FALSE(LooksLikeJson(""));
  EXPECT_FALSE(LooksLikeJson("a: {"));
  EXPECT_FALSE(LooksLikeJson("\"a\""));
}

}  // namespace
}  // namespace seccompd::document
