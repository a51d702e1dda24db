// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "common/base/error.h"
#include "common/base/result.h"

namespace seccompd::base {

// So that gtest prints "kNotFound: open 'x': No such file" and not bytes.
inline void PrintTo(const Error& error, std::ostream* os) {
  *os << ErrorCodeName(error.code) << ": " << error.message;
}

// Found through Error; a value is named, not shown, because not every T can be printed.
template <class T>
void PrintTo(const tl::expected<T, Error>& result, std::ostream* os) {
  if (result.has_value()) {
    *os << "a value";
  } else {
    PrintTo(result.error(), os);
  }
}

}  // namespace seccompd::base

namespace seccompd::test_support {

// EXPECT_THAT(result, IsOk());
MATCHER(IsOk, negation ? "is an error" : "is a value") {
  if (arg.has_value()) return true;
  *result_listener << base::ErrorCodeName(arg.error().code) << ": " << arg.error().message;
  return false;
}

// EXPECT_THAT(result, IsOkAndHolds(Eq(3)));
MATCHER_P(IsOkAndHolds, matcher, "holds a value that matches") {
  if (!arg.has_value()) {
    *result_listener << base::ErrorCodeName(arg.error().code) << ": " << arg.error().message;
    return false;
  }
  return ::testing::ExplainMatchResult(matcher, *arg, result_listener);
}

// EXPECT_THAT(result, IsError(ErrorCode::kNotFound, HasSubstr("status")));
MATCHER_P2(IsError, code, message_matcher, "is an error of that code and message") {
  if (arg.has_value()) {
    *result_listener << "is a value";
    return false;
  }
  *result_listener << base::ErrorCodeName(arg.error().code) << ": " << arg.error().message;
  return arg.error().code == code &&
         ::testing::ExplainMatchResult(message_matcher, arg.error().message, result_listener);
}

}  // namespace seccompd::test_support
