// SPDX-License-Identifier: Apache-2.0
// What inflates, inflates the same at any split, and never beyond the limit.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/net/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::net;
  constexpr std::size_t kMax = 65'536;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string whole;
  GzipInflater at_once(kMax);
  const bool ok = at_once.Push(text, &whole).has_value();
  std::string pieces;
  GzipInflater by_byte(kMax);
  bool ok_by_byte = true;
  for (std::size_t i = 0; i < size && ok_by_byte; ++i) {
    ok_by_byte = by_byte.Push(text.substr(i, 1), &pieces).has_value();
  }
  if (ok != ok_by_byte || whole.size() > kMax) std::abort();
  if (ok && (whole != pieces || at_once.complete() != by_byte.complete())) std::abort();
  return 0;
}
