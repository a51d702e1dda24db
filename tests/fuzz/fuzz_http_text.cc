// SPDX-License-Identifier: Apache-2.0
// The first byte picks a parser, the rest is its text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/net/http_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::net;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 't') {
    const auto target = ParseTarget(text);
    if (target && !target->path.starts_with('/')) std::abort();
  } else if (data[0] == 'a') {
    const int quality = QualityOf(text, "text/html");
    if (quality < 0 || quality > 1000) std::abort();
    static_cast<void>(AcceptsGzip(text));
  } else {
    const auto address = ParseListenAddress(text);
    if (address && ParseListenAddress(JoinHostPort(address->host, address->port)) != *address) {
      std::abort();
    }
  }
  return 0;
}
