// SPDX-License-Identifier: Apache-2.0
// What an API server may send: the same bytes as a watch stream and as a list, whole and in pieces.
// Where the pieces end changes nothing, and no bound is crossed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/json_framer.h"
#include "common/kube/list_framer.h"
#include "common/kube/watch_event.h"

namespace {

constexpr std::size_t kMaxItem = 4'096;

// The items up to the first error, and whether there was one.
template <class Framer>
bool Cut(Framer& framer, std::string_view text, std::size_t piece,
         std::vector<std::string>* items) {
  for (std::size_t at = 0; at < text.size(); at += piece) {
    auto found = framer.Feed(text.substr(at, piece));
    if (!found) return false;
    for (std::string& item : *found) {
      if (item.size() > kMaxItem) std::abort();
      items->push_back(std::move(item));
    }
  }
  return true;
}

template <class Framer>
std::vector<std::string> Compare(std::string_view text, std::size_t piece) {
  Framer whole(kMaxItem);
  Framer pieces(kMaxItem);
  std::vector<std::string> first;
  std::vector<std::string> second;
  const bool good = Cut(whole, text, std::max<std::size_t>(text.size(), 1), &first);
  const bool good_in_pieces = Cut(pieces, text, piece, &second);
  if (good != good_in_pieces) std::abort();
  if (good && first != second) std::abort();
  return second;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd;
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{1} + data[0] % 17;
  const std::string text(data + 1, data + size);
  for (const std::string& event : Compare<kube::JsonFramer>(text, piece)) {
    const auto item = kube::ParseWatchEvent(event);
    if (!item && item.error().message.empty()) std::abort();
  }
  (void)Compare<kube::ListFramer>(text, piece);
  (void)kube::FailureOfResponse(200 + data[0], text, std::nullopt);
  return 0;
}
