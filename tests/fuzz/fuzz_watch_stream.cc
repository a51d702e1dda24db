// SPDX-License-Identifier: Apache-2.0
// The body of a watch and of a list. First byte: how they are split. However that is, the same
// values come out, or none.
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/json_framer.h"
#include "common/kube/list_framer.h"
#include "common/kube/watch_event.h"

namespace {

using namespace seccompd::kube;

template <class Framer>
std::optional<std::vector<std::string>> Frame(Framer* framer, std::string_view text,
                                              std::size_t step) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size(); at += step) {
    auto some = framer->Feed(text.substr(at, step));
    if (!some) return std::nullopt;
    for (std::string& one : *some) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = data[0] % 16 + 1;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::size_t kMaxObject = 4096;
  const std::size_t whole = std::max<std::size_t>(text.size(), 1);

  JsonFramer watch(kMaxObject);
  JsonFramer split_watch(kMaxObject);
  const auto events = Frame(&watch, text, whole);
  const auto split_events = Frame(&split_watch, text, step);
  if (events && split_events && *events != *split_events) std::abort();
  for (const std::string& event : split_events.value_or(std::vector<std::string>())) {
    const auto item = ParseWatchEvent(event);
    if (!item && item.error().message.empty()) std::abort();
  }

  ListFramer list(kMaxObject);
  ListFramer split_list(kMaxObject);
  const auto items = Frame(&list, text, whole);
  const auto split_items = Frame(&split_list, text, step);
  if (items != split_items) std::abort();
  if (!items) return 0;
  const auto meta = list.Finish();
  const auto split_meta = split_list.Finish();
  if (meta.has_value() != split_meta.has_value()) std::abort();
  if (meta && (*meta != *split_meta || meta->resource_version.empty())) std::abort();
  return 0;
}
