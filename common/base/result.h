// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "common/base/error.h"

namespace seccompd::base {

// A value or an Error. Functions that return one are marked [[nodiscard]] (tests/lint checks it).
template <class T = void>
using Result = tl::expected<T, Error>;

// `return Fail(...)` from a function that returns Result<T>.
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{.code = code, .message = std::move(message)});
}

}  // namespace seccompd::base

// Statements, never expressions: a ({ }) with co_await inside is miscompiled (GCC PR 115851).
#define SECCOMPD_CONCAT_INNER(a, b) a##b
#define SECCOMPD_CONCAT(a, b) SECCOMPD_CONCAT_INNER(a, b)

// TRY_ASSIGN(auto fd, Open(...)): declares or assigns on success, returns the error otherwise.
#define TRY_ASSIGN(lhs, expr) TRY_ASSIGN_IMPL(SECCOMPD_CONCAT(try_, __LINE__), lhs, expr)
#define TRY_ASSIGN_IMPL(tmp, lhs, expr)                            \
  auto tmp = (expr);                                               \
  if (!tmp) return ::seccompd::base::Fail(std::move(tmp).error()); \
  lhs = std::move(tmp).value()

// TRY(Sync()): returns the error of a Result<void> (or drops the value of another one).
#define TRY(expr)                                                                  \
  do {                                                                             \
    auto try_result = (expr);                                                      \
    if (!try_result) return ::seccompd::base::Fail(std::move(try_result).error()); \
  } while (false)

// The same in a coroutine: CO_TRY_ASSIGN(auto reply, co_await client.Get(path)).
#define CO_TRY_ASSIGN(lhs, expr) CO_TRY_ASSIGN_IMPL(SECCOMPD_CONCAT(try_, __LINE__), lhs, expr)
#define CO_TRY_ASSIGN_IMPL(tmp, lhs, expr)                            \
  auto tmp = (expr);                                                  \
  if (!tmp) co_return ::seccompd::base::Fail(std::move(tmp).error()); \
  lhs = std::move(tmp).value()

#define CO_TRY(expr)                                                                  \
  do {                                                                                \
    auto try_result = (expr);                                                         \
    if (!try_result) co_return ::seccompd::base::Fail(std::move(try_result).error()); \
  } while (false)
