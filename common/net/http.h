// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace seccompd::net {

// A request without a body, as a handler sees it. Header names beyond these are of no use to us.
struct HttpRequest {
  std::string method;  // "GET", "HEAD", ...
  std::string path;    // before '?', as sent
  std::string query;
  std::string accept;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Pure from the server's side: called on the loop, must not block.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Does an Accept-Encoding value admit gzip (RFC 9110 12.5.3)? "gzip;q=0" does not.
bool AcceptsGzip(std::string_view accept_encoding);

// `text` as one gzip member (zlib).
std::string Gzip(std::string_view text);

// "127.0.0.1:19617", ":19617", "[::1]:0" -> address and port. The port must be there.
struct HostPort {
  std::string host;  // "" is every address
  unsigned short port = 0;
};
bool ParseHostPort(std::string_view text, HostPort& out);

}  // namespace seccompd::net
