// SPDX-License-Identifier: Apache-2.0
#include "common/net/errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/system/system_error.hpp>
#include <string>

namespace seccompd::net {
namespace {

using base::Error;
using base::ErrorCode;

ErrorCode CodeOf(const boost::system::error_code& code) {
  namespace http = boost::beast::http;
  if (code == boost::asio::error::operation_aborted) return ErrorCode::kCancelled;
  if (code == boost::beast::error::timeout) return ErrorCode::kDeadlineExceeded;
  if (code == boost::asio::error::eof || code == http::error::end_of_stream ||
      code == http::error::partial_message || code == boost::asio::ssl::error::stream_truncated) {
    return ErrorCode::kUnavailable;
  }
  if (code == http::error::body_limit || code == http::error::header_limit ||
      code == http::error::buffer_overflow) {
    return ErrorCode::kResourceExhausted;
  }
  if (code.category() == boost::asio::error::get_ssl_category()) {
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(code.value()));
    // From SSL_AD_REASON_OFFSET on: an alert, by which the peer refuses us.
    const bool refused =
        reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason >= SSL_AD_REASON_OFFSET;
    return refused ? ErrorCode::kPermissionDenied : ErrorCode::kCorrupt;
  }
  if (code.category() == http::make_error_code(http::error::bad_version).category()) {
    return ErrorCode::kCorrupt;
  }
  return ErrorCode::kInternal;
}

}  // namespace

Error ErrorFrom(const boost::system::error_code& code, std::string_view context) {
  const ErrorCode mapped = CodeOf(code);
  if (mapped == ErrorCode::kInternal && code.category() == boost::system::system_category()) {
    return base::ErrnoError(code.value(), context);
  }
  return Error{.code = mapped, .message = std::string(context) + ": " + code.message()};
}

Error ErrorFrom(const std::exception_ptr& exception, std::string_view context) {
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& e) {
    return ErrorFrom(e.code(), context);
  } catch (const std::exception& e) {
    return Error{.code = ErrorCode::kInternal, .message = std::string(context) + ": " + e.what()};
  } catch (...) {
    return Error{.code = ErrorCode::kInternal, .message = std::string(context) + ": an exception"};
  }
}

}  // namespace seccompd::net
