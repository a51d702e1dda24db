// SPDX-License-Identifier: Apache-2.0
#include "common/net/url.h"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

#include "common/base/strings.h"
#include "common/net/http_text.h"

namespace seccompd::net {
namespace {

namespace urls = boost::urls;
using base::ErrorCode;
using base::Fail;

constexpr std::uint16_t kHttps = 443;
constexpr std::uint16_t kHttp = 80;

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

base::Result<Url> ParseUrl(std::string_view text) {
  const auto fail = [text](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument,
                "URL '" + base::Printable(text) + "': " + std::string(why));
  };
  const auto parsed = urls::parse_uri(text);
  if (!parsed) return fail("write https://HOST:PORT");
  const urls::url_view& view = *parsed;
  Url url;
  url.tls = view.scheme_id() == urls::scheme::https;
  if (!url.tls && view.scheme_id() != urls::scheme::http) return fail("only https and http");
  if (view.has_userinfo()) {
    return Fail(ErrorCode::kInvalidArgument, "URL: a user or password has no place in it");
  }
  if (view.has_query() || view.has_fragment()) return fail("a query or fragment has no place here");
  url.host = view.host_address();
  url.host_is_ip =
      view.host_type() == urls::host_type::ipv4 || view.host_type() == urls::host_type::ipv6;
  if (view.host_type() == urls::host_type::ipvfuture) return fail("unknown kind of IP address");
  if (url.host.empty() || !IsPlain(url.host)) return fail("no host");
  url.port = url.tls ? kHttps : kHttp;
  if (view.has_port() && !view.port().empty()) {
    const auto port = base::ParseInt<std::uint16_t>(std::string_view(view.port()));
    if (!port || *port == 0) return fail("the port must be a number from 1 to 65535");
    url.port = *port;
  }
  url.prefix = std::string(view.encoded_path());
  // Boost.URL 1.81 takes the "x" of "https://host:80x" for a path.
  if (!url.prefix.empty() && !url.prefix.starts_with('/')) return fail("write https://HOST:PORT");
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  return url;
}

std::string Url::Authority() const {
  if (port != (tls ? kHttps : kHttp)) return JoinHostPort(host, port);
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string EncodeUrlText(std::string_view text) {
  return urls::encode(text, urls::unreserved_chars);
}

}  // namespace seccompd::net
