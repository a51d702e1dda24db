// SPDX-License-Identifier: Apache-2.0
#include "common/base/strings.h"

#include <gtest/gtest.h>

namespace seccompd::base {
namespace {

TEST(Printable, EscapesTerminalControlsAndBidiOverrides) {
  EXPECT_EQ(Printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(Printable("pay-0/\xc3\xa4pp"), "pay-0/\xc3\xa4pp");
  EXPECT_EQ(Printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");
}

}  // namespace
}  // namespace seccompd::base
