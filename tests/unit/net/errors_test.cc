// SPDX-License-Identifier: Apache-2.0
#include "common/net/errors.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <stdexcept>

namespace seccompd::net {
namespace {

using base::ErrorCode;

TEST(ErrorFrom, TellsWhatACallerCanDecideBy) {
  const std::pair<boost::system::error_code, ErrorCode> cases[] = {
      {boost::asio::error::operation_aborted, ErrorCode::kCancelled},
      {boost::asio::error::eof, ErrorCode::kUnavailable},
      {boost::asio::error::connection_refused, ErrorCode::kUnavailable},
      {boost::asio::error::connection_reset, ErrorCode::kUnavailable},
      {boost::asio::error::timed_out, ErrorCode::kDeadlineExceeded},
      {boost::asio::error::no_descriptors, ErrorCode::kResourceExhausted},
      {boost::asio::error::access_denied, ErrorCode::kPermissionDenied},
  };
  for (const auto& [code, expected] : cases) {
    EXPECT_EQ(ErrorFrom(code, "x").code, expected) << code.message();
  }
}

TEST(ErrorFrom, KeepsTheNumberAndTheContext) {
  const base::Error error = ErrorFrom(boost::asio::error::connection_refused, "connect to h:1");
  EXPECT_EQ(error.sys_errno, ECONNREFUSED);
  EXPECT_EQ(error.message, "connect to h:1: Connection refused");
}

TEST(ErrorFrom, ExceptionOfACancelledCoroutineIsCancelled) {
  const auto thrown = std::make_exception_ptr(
      boost::system::system_error(boost::asio::error::operation_aborted, "co_await"));
  EXPECT_EQ(ErrorFrom(thrown, "x").code, ErrorCode::kCancelled);
}

TEST(ErrorFrom, OtherExceptionsAreBugs) {
  EXPECT_EQ(ErrorFrom(std::make_exception_ptr(std::logic_error("why")), "x"),
            (base::Error{.code = ErrorCode::kInternal, .message = "x: why"}));
  EXPECT_EQ(ErrorFrom(std::make_exception_ptr(7), "x").code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace seccompd::net
