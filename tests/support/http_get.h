// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "common/base/result.h"

namespace seccompd::test_support {

struct HttpReply {
  int status = 0;
  std::string headers = {};  // as received, without the status line
  std::string body = {};
};

// GET over plain TCP to "127.0.0.1:PORT", one request per connection. Written on sockets, not on
// the library under test, so that a bug in that cannot hide itself.
[[nodiscard]] base::Result<HttpReply> HttpGet(
    const std::string& address, const std::string& path,
    std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace seccompd::test_support
