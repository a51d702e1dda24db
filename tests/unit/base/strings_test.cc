// SPDX-License-Identifier: Apache-2.0
#include "common/base/strings.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace seccompd::base {
namespace {

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(ParseInt<int>("42"), 42);
  EXPECT_EQ(ParseInt<int>("-7"), -7);
  EXPECT_EQ(ParseInt<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseInt<std::uint32_t>("ff", 16), 255U);
  for (const char* bad : {"", " 1", "1 ", "+1", "0x1", "1.0", "99999999999"}) {
    EXPECT_EQ(ParseInt<int>(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseInt<std::uint32_t>("-1"), std::nullopt);
}

TEST(Split, KeepsEmptyPieces) {
  using Pieces = std::vector<std::string_view>;
  EXPECT_EQ(Split("a/b", '/'), (Pieces{"a", "b"}));
  EXPECT_EQ(Split("/a//", '/'), (Pieces{"", "a", "", ""}));
  EXPECT_EQ(Split("", '/'), (Pieces{""}));
}

TEST(TrimSpace, RemovesOnlyTheEnds) {
  EXPECT_EQ(TrimSpace(" \t a b\n"), "a b");
  EXPECT_EQ(TrimSpace(" \n"), "");
  EXPECT_EQ(TrimSpace(""), "");
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(Join(std::array<std::string, 3>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(Join({}, ", "), "");
}

TEST(Hex, RoundTripsAndRefusesOddOrForeignDigits) {
  const std::array<std::uint8_t, 3> bytes{0x00, 0xab, 0xff};
  EXPECT_EQ(HexEncode(bytes), "00abff");
  EXPECT_EQ(HexDecode("00abff"), (std::vector<std::uint8_t>{0x00, 0xab, 0xff}));
  EXPECT_EQ(HexDecode("0"), std::nullopt);
  EXPECT_EQ(HexDecode("0g"), std::nullopt);
  EXPECT_EQ(HexDecode("-1"), std::nullopt);
}

TEST(Printable, EscapesTerminalControlsAndBidiOverrides) {
  EXPECT_EQ(Printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(Printable("pay-0/\xc3\xa4pp"), "pay-0/\xc3\xa4pp");
  EXPECT_EQ(Printable("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");  // C1 CSI
}

TEST(Printable, EscapesInvalidUtf8ByteByByte) {
  EXPECT_EQ(Printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Printable("ab\xe2\x82"), "ab\\xe2\\x82");       // cut short
}

TEST(EscapePointerToken, EscapesTildeBeforeSlash) {
  EXPECT_EQ(EscapePointerToken("a/b~c"), "a~1b~0c");
  EXPECT_EQ(EscapePointerToken("~1"), "~01");
}

TEST(EscapeJson, IsAlwaysAValidString) {
  EXPECT_EQ(EscapeJson("a\"\\\n\x01\x7f"), "a\\\"\\\\\\n\\u0001\\u007f");
  EXPECT_EQ(EscapeJson("\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(EscapeJson("\xff"), "\\ufffd");
}

TEST(EscapeJson, WhatSteersATerminalIsEscapedAndKeepsItsValue) {
  EXPECT_EQ(EscapeJson("\xc2\x9b"
                       "31m"),
            "\\u009b31m");  // CSI as one character
  EXPECT_EQ(EscapeJson("\xe2\x80\xae"
                       "gnp"),
            "\\u202egnp");  // right to left
  EXPECT_EQ(EscapeJson("\xef\xbb\xbf"), "\\ufeff");
}

TEST(IsValidUtf8, FollowsRfc3629) {
  EXPECT_TRUE(IsValidUtf8("\xf0\x9f\x98\x80 \xe2\x82\xac \xc3\xa4"));
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(IsValidUtf8("\xc1\x81"));          // overlong
  EXPECT_FALSE(IsValidUtf8("\xe0\x80\x80"));      // overlong
}

TEST(Nearest, FindsTheClosestWithinTheDistance) {
  const std::array<std::string_view, 3> words{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG"};
  EXPECT_EQ(Nearest("SCMP_ACT_ALOW", words), "SCMP_ACT_ALLOW");
  EXPECT_EQ(Nearest("SCMP_ACT_LOL", words), "SCMP_ACT_LOG");
  EXPECT_EQ(Nearest("ALLOW", words), std::nullopt);
}

}  // namespace
}  // namespace seccompd::base
