// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace seccompd::net {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // escaped path and query, after Url::prefix
  std::vector<std::pair<std::string, std::string>> headers =
      {};  // Host, lengths, encoding: not here
  std::string body = {};
  bool gzip = false;  // ask for gzip; what comes compressed is inflated in any case
};

struct ReplyHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Retry-After in whole seconds; its other form, a date, is ignored as client-go does.
  std::optional<std::chrono::seconds> retry_after = {};

  // The first header of that name, in any case of letters; "" if there is none.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

struct Reply {
  ReplyHead head;
  std::string body;
};

// The bytes of a request: `authority` is its Host, `prefix` stands before the target.
// kInvalidArgument for a name, value or target that could smuggle in another line.
[[nodiscard]] base::Result<std::string> SerializeRequest(const ClientRequest& request,
                                                         const std::string& authority,
                                                         const std::string& prefix);

}  // namespace seccompd::net
