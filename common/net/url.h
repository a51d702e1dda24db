// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace seccompd::net {

// Where a server is: what is left of "https://[2001:db8::1]:6443/prefix" (RFC 3986).
struct Url {
  bool tls = true;
  std::string host;  // without brackets
  bool host_is_ip = false;
  std::uint16_t port = 443;
  std::string prefix = {};  // path without a final '/', "" for none; put before every target

  // The Host header: brackets where needed, the port unless it is the scheme's.
  [[nodiscard]] std::string Authority() const;
  bool operator==(const Url&) const = default;
};

// http and https. A user, a query or a fragment is an error: none belongs into a server's address.
[[nodiscard]] base::Result<Url> ParseUrl(std::string_view text);

// Everything but letters, digits, "-._~" as %XX, for one name or value of a query or path segment.
[[nodiscard]] std::string EncodeUrlText(std::string_view text);

}  // namespace seccompd::net
