// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace seccompd::net {

struct QueryParameter {
  std::string name;
  std::string value;

  bool operator==(const QueryParameter&) const = default;
};

// Whether two names of headers or tokens are the same: case does not matter, in ASCII only.
[[nodiscard]] bool EqualIgnoringCase(std::string_view a, std::string_view b);

// The target of a request in origin form, "/path?name=value&flag" (RFC 9112 3.2.1).
struct Target {
  std::string path;
  std::vector<QueryParameter> query = {};

  bool operator==(const Target&) const = default;
};

// kInvalidArgument for any other form, a bad escape, or a decoded NUL or control byte in the path.
[[nodiscard]] base::Result<Target> ParseTarget(std::string_view target);

// How much a client wants `media_type` ("text/plain") by its Accept header, in thousandths: the
// most specific range decides, parameters other than q are ignored. 1000 for an absent header.
// Malformed elements are skipped (RFC 9110 12.5.1).
[[nodiscard]] int QualityOf(std::string_view accept, std::string_view media_type);

// Whether gzip may be sent: named, or covered by "*", with q > 0 (RFC 9110 12.5.3).
[[nodiscard]] bool AcceptsGzip(std::string_view accept_encoding);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7).
[[nodiscard]] std::string FormatHttpDate(std::chrono::system_clock::time_point time);

// Where to listen: an IP address ("" means every address of both families) and a port.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
};

// "127.0.0.1:19617", "[::1]:0", ":19617", "localhost:1" (127.0.0.1). Other names are an error,
// because nothing here asks a resolver.
[[nodiscard]] base::Result<ListenAddress> ParseListenAddress(std::string_view text);

// "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string JoinHostPort(std::string_view host, std::uint16_t port);

}  // namespace seccompd::net
