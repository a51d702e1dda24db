// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_text.h"

#include <algorithm>
#include <array>
#include <boost/url/grammar/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/ipv4_address_rule.hpp>
#include <boost/url/rfc/ipv6_address_rule.hpp>
#include <boost/url/url_view.hpp>
#include <ctime>

#include "common/base/strings.h"

namespace seccompd::net {
namespace {

namespace urls = boost::urls;
using base::ErrorCode;
using base::Fail;

// ASCII only, as RFC 9110 compares.
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// qvalue = "0" ["." 0*3DIGIT] / "1" ["." 0*3"0"], in thousandths (RFC 9110 12.4.2).
std::optional<int> ParseQuality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    value += (c - '0') * weight;
    weight /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

struct Element {
  std::string_view name;
  int quality = 1000;
};

// One element of Accept or Accept-Encoding: a name and parameters; nullopt if malformed.
std::optional<Element> ParseElement(std::string_view text) {
  const std::vector<std::string_view> parts = base::Split(text, ';');
  Element element{.name = base::TrimSpace(parts[0])};
  if (element.name.empty()) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view parameter = base::TrimSpace(parts[i]);
    if (parameter.size() < 2 || Lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    const std::optional<int> quality = ParseQuality(parameter.substr(2));
    if (!quality) return std::nullopt;
    element.quality = *quality;
  }
  return element;
}

// 0: does not cover `media_type`; 1: "*/*"; 2: "text/*"; 3: the type itself.
int Specificity(std::string_view range, std::string_view media_type) {
  if (range == "*/*") return 1;
  if (EqualIgnoringCase(range, media_type)) return 3;
  const std::size_t slash = media_type.find('/');
  if (slash == std::string_view::npos || range.size() != slash + 2 || range.back() != '*') return 0;
  return EqualIgnoringCase(range.substr(0, slash + 1), media_type.substr(0, slash + 1)) ? 2 : 0;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

base::Result<Target> ParseTarget(std::string_view target) {
  const bool origin_form = target.starts_with('/');
  auto parsed = origin_form ? urls::parse_origin_form(target) : urls::parse_absolute_uri(target);
  if (!parsed || (!origin_form && parsed->encoded_path().empty())) {
    return Fail(ErrorCode::kInvalidArgument, "the request target is no path");
  }
  Target result;
  result.path = parsed->path();
  if (!result.path.starts_with('/') || HasControl(result.path)) {
    return Fail(ErrorCode::kInvalidArgument, "the request path holds a control byte");
  }
  for (const auto parameter : parsed->params()) {
    result.query.push_back({.name = parameter.key, .value = parameter.value});
  }
  return result;
}

int QualityOf(std::string_view accept, std::string_view media_type) {
  if (base::TrimSpace(accept).empty()) return 1000;
  int best = 0;
  int quality = 0;
  for (const std::string_view text : base::Split(accept, ',')) {
    const std::optional<Element> element = ParseElement(text);
    if (!element) continue;
    const int specificity = Specificity(element->name, media_type);
    if (specificity > best) {
      best = specificity;
      quality = element->quality;
    }
  }
  return quality;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<int> named;
  std::optional<int> any;
  for (const std::string_view text : base::Split(accept_encoding, ',')) {
    const std::optional<Element> element = ParseElement(text);
    if (!element) continue;
    if (EqualIgnoringCase(element->name, "gzip") || EqualIgnoringCase(element->name, "x-gzip")) {
      named = element->quality;
    } else if (element->name == "*") {
      any = element->quality;
    }
  }
  return named.value_or(any.value_or(0)) > 0;
}

std::string FormatHttpDate(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  // %a and %b are English in the C locale, and this program sets no other.
  const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %T GMT", &utc);
  return std::string(text.data(), size);
}

base::Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto fail = [text](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument,
                "listen address '" + base::Printable(text) + "': " + std::string(why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("no port; write HOST:PORT, for example :19617");
  const auto port = base::ParseInt<std::uint16_t>(text.substr(colon + 1));
  if (!port) return fail("the port must be a number from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return fail("an IPv6 address stands in brackets: [::1]:19617");
  }
  if (bracketed) {
    if (!urls::grammar::parse(host, urls::ipv6_address_rule))
      return fail("no IPv6 address in the brackets");
  } else if (host == "localhost") {
    host = "127.0.0.1";
  } else if (!host.empty() && !urls::grammar::parse(host, urls::ipv4_address_rule)) {
    return fail("the host must be an IP address, localhost or nothing");
  }
  return ListenAddress{.host = std::string(host), .port = *port};
}

std::string JoinHostPort(std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + std::to_string(port);
}

}  // namespace seccompd::net
