// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/document/document.h"

namespace seccompd::document {
namespace {

using base::ErrorCode;

std::string Times(std::string_view piece, std::size_t count) {
  std::string out;
  out.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

ErrorCode CodeOf(const auto& result) {
  return result ? ErrorCode::kInternal : result.error().code;  // kInternal: it was accepted
}

TEST(ParseJson, DepthIsBoundedBeforeTheStackIs) {
  EXPECT_EQ(CodeOf(ParseJson(Times("[", 100'000))), ErrorCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(ParseJson(Times("{\"a\":", 100'000))), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(ParseJson(Times("[", 64) + Times("]", 64)));
  EXPECT_EQ(CodeOf(ParseJson(Times("[", 65) + Times("]", 65))), ErrorCode::kResourceExhausted);
}

TEST(ParseJson, BytesAndValuesAreBounded) {
  EXPECT_EQ(CodeOf(ParseJson("[1, 2, 3]", {.bytes = 8})), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(ParseJson("[1, 2, 3]", {.nodes = 4}));
  EXPECT_EQ(CodeOf(ParseJson("[1, 2, 3]", {.nodes = 3})), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, DepthIsBoundedBeforeTheStackIs) {
  for (const std::string_view piece : {"[", "{", "- ", "? ", "[\n", "{a: ", "- - ? "}) {
    EXPECT_FALSE(ParseYaml(Times(piece, 100'000))) << piece;
  }
  std::string stairs;
  for (std::size_t i = 0; i < 2'000; ++i) stairs += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(CodeOf(ParseYaml(stairs)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(ParseYaml(Times("[", 64) + Times("]", 64)));
  EXPECT_EQ(CodeOf(ParseYaml(Times("[", 65) + Times("]", 65))), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, AliasesCountOncePerUse) {
  std::string laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const std::string previous(1, static_cast<char>(c - 1));
    laughs += std::string(1, c) + ": &" + c + " [" + Times("*" + previous + ", ", 8) + "*" +
              previous + "]\n";
  }
  EXPECT_EQ(CodeOf(ParseYaml(laughs)), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, AliasesOfALongTextAreBoundedByBytes) {
  const std::string text = "- &a " + std::string(100'000, 'x') + "\n" + Times("- *a\n", 1'000);
  EXPECT_EQ(CodeOf(ParseYaml(text)), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, AliasesAddToTheDepth) {
  const std::string deep = "a: &a " + Times("[", 40) + Times("]", 40) + "\nb: ";
  EXPECT_TRUE(ParseYaml(deep + "*a"));
  EXPECT_EQ(CodeOf(ParseYaml(deep + Times("[", 40) + "*a" + Times("]", 40))),
            ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, TokensOfOneCollectionAreBounded) {
  EXPECT_EQ(CodeOf(ParseYaml("[" + Times("a,", 1'000'000) + "a]")), ErrorCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(ParseYaml("[" + Times("\"\"", 1'000'000))), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, LongBlockScalarIsNoCollection) {
  const std::string json = Times("    {\"names\": [\"read\"], \"action\": \"A\"},\n", 20'000);
  const auto documents = ParseYaml("data:\n  a.json: |\n" + json);
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_GT(documents->front().members[0].value.members[0].value.scalar.size(), 700'000U);
}

TEST(ParseYaml, DocumentsAndValuesAreBounded) {
  EXPECT_EQ(CodeOf(ParseYaml(Times("---\na\n", 1'001))), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(ParseYaml(Times("---\na\n", 1'000)));
  EXPECT_EQ(CodeOf(ParseYaml("[1, 2, 3]", {.nodes = 3})), ErrorCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(ParseYaml("a: 1", {.bytes = 3})), ErrorCode::kResourceExhausted);
}

TEST(ParseYaml, NonsenseOfEveryKindIsRefusedOrRead) {
  for (const std::string_view piece :
       {"!", "&a ", "*a", "%TAG ! !\n", "...\n", "---",   ": ",  "|",    ">",
        "'", "\"",  "#",  "\\",         "@",     "`",     "!<",  "&",    "|-\n",
        "%", ",",   "]",  "}",          "-\n",   "? a\n", "'' ", "- |\n"}) {
    const std::string text = Times(piece, 20'000);
    const auto documents = ParseYaml(text);
    if (!documents) {
      EXPECT_FALSE(documents.error().message.empty());
    }
    EXPECT_FALSE(ParseYaml("[" + text)) << piece;
  }
}

}  // namespace
}  // namespace seccompd::document
