// SPDX-License-Identifier: Apache-2.0
#include "common/net/http.h"

#include <zlib.h>

#include <cstdint>

#include "common/base/strings.h"

namespace seccompd::net {

bool AcceptsGzip(std::string_view accept_encoding) {
  for (const std::string_view piece : base::Split(accept_encoding, ',')) {
    const auto parts = base::Split(piece, ';');
    const std::string_view coding = base::TrimSpace(parts.front());
    if (coding != "gzip" && coding != "*") continue;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const std::string_view q = base::TrimSpace(parts[i]);
      if (!q.starts_with("q=")) continue;
      return q.find_first_of("123456789", 2) != std::string_view::npos;
    }
    return true;
  }
  return false;
}

std::string Gzip(std::string_view text) {
  constexpr int kGzipFormat = 15 + 16;  // zlib.h: add 16 for a gzip header
  constexpr int kMemory = 8;            // zlib's default
  z_stream stream{};
  // Level 1: a scrape is text that shrinks tenfold at any level.
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzipFormat, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  // zlib never writes through next_in, whose type predates const.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));  // NOLINT
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

bool ParseHostPort(std::string_view text, HostPort& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const auto port = base::ParseInt<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;  // an IPv6 address needs its brackets
  }
  if (!port) return false;
  out.host = host;
  out.port = *port;
  return true;
}

}  // namespace seccompd::net
