// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/error_code.hpp>
#include <exception>
#include <string_view>

#include "common/base/error.h"

namespace seccompd::net {

// An Error of a failed asynchronous operation, "<context>: <what>". operation_aborted is
// kCancelled, a timer that ended the operation kDeadlineExceeded, a peer that went away
// kUnavailable, a certificate that was refused kPermissionDenied, bytes that are no HTTP or TLS
// kCorrupt.
base::Error ErrorFrom(const boost::system::error_code& code, std::string_view context);

// The same for what a coroutine threw. Only a cancelled one should.
base::Error ErrorFrom(const std::exception_ptr& exception, std::string_view context);

}  // namespace seccompd::net
