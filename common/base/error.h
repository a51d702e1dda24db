// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace seccompd::base {

// Closed set: callers decide by code, people read the message.
enum class ErrorCode {
  kInvalidArgument,     // the caller's or user's input is wrong; retrying is useless
  kNotFound,            // ENOENT and friends
  kAlreadyExists,       //
  kPermissionDenied,    // EACCES, EPERM
  kNoSpace,             // ENOSPC, EDQUOT
  kReadOnly,            // EROFS
  kResourceExhausted,   // EMFILE, ENFILE, ENOMEM, a limit of ours
  kFailedPrecondition,  // the world is not in the state this call needs
  kDeadlineExceeded,    //
  kGone,                // HTTP 410, a process that exited, a removed root
  kUnavailable,         // try later: connection refused, 429, 5xx
  kUnauthorized,        // HTTP 401
  kForbidden,           // HTTP 403
  kCancelled,           // asked to stop
  kCorrupt,             // bytes on disk or on the wire that cannot be what they claim
  kIo,                  // any other errno
  kInternal,            // our own bug
};

std::string_view ErrorCodeName(ErrorCode code);

// What went wrong. `message` is one line without a trailing newline or period and holds no
// credential and no profile body. `sys_errno` is 0 unless a system call failed.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  int sys_errno = 0;

  bool operator==(const Error&) const = default;
};

// An Error from errno: "<context>: <strerror>"; the code follows from the number (errno(3)).
Error ErrnoError(int sys_errno, std::string_view context);

// The same error told from further out: "<context>: <message>".
Error WithContext(Error error, std::string_view context);

}  // namespace seccompd::base
