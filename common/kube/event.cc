// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event.h"

#include <fmt/format.h>

#include "common/base/strings.h"

namespace seccompd::kube {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxInstance = 128;

// Cut at a character's border, with "..." where something is gone.
std::string Bounded(std::string_view text, std::size_t most) {
  constexpr std::string_view kCut = "...";
  if (text.size() <= most) return std::string(text);
  std::size_t end = most - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append(kCut);
}

// RFC 3339 with microseconds (meta/v1 MicroTime).
std::string MicroTime(base::WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const std::string text = base::FormatTime(second);
  return fmt::format("{}.{:03}000Z", text.substr(0, text.size() - 1), (time - second).count());
}

void AddField(std::string* out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  *out +=
      fmt::format("{}\"{}\":\"{}\"", out->back() == '{' ? "" : ",", key, base::EscapeJson(value));
}

std::string Reference(const EventTarget& target) {
  std::string out = "{";
  AddField(&out, "apiVersion", "v1");
  AddField(&out, "kind", target.kind);
  AddField(&out, "namespace", target.namespace_name);
  AddField(&out, "name", target.name);
  AddField(&out, "uid", target.uid);
  AddField(&out, "fieldPath", target.field_path);
  return out + "}";
}

}  // namespace

std::string EventName(std::string_view object, std::uint64_t nanoseconds) {
  const std::string suffix = fmt::format(".{:x}", nanoseconds);
  std::string_view stem = object.substr(0, kMaxName - suffix.size());
  while (!stem.empty() && (stem.back() == '.' || stem.back() == '-')) stem.remove_suffix(1);
  return std::string(stem) + suffix;
}

std::string RenderEvent(const EventNote& note, const std::string& name,
                        const EventReporter& reporter, base::WallTime time) {
  std::string out = "{";
  AddField(&out, "apiVersion", "events.k8s.io/v1");
  AddField(&out, "kind", "Event");
  out += fmt::format(",\"metadata\":{{\"namespace\":\"{}\",\"name\":\"{}\"}}",
                     base::EscapeJson(note.target.namespace_name), base::EscapeJson(name));
  AddField(&out, "eventTime", MicroTime(time));
  AddField(&out, "type", "Warning");
  AddField(&out, "reason", note.reason);
  AddField(&out, "action", note.action);
  AddField(&out, "reportingController", reporter.controller);
  AddField(&out, "reportingInstance", Bounded(reporter.instance, kMaxInstance));
  out += ",\"regarding\":" + Reference(note.target);
  AddField(&out, "note", Bounded(note.note, kMaxEventNote));
  return out + "}";
}

std::string RenderSeriesPatch(std::uint64_t count, base::WallTime last_observed) {
  return fmt::format("{{\"series\":{{\"count\":{},\"lastObservedTime\":\"{}\"}}}}", count,
                     MicroTime(last_observed));
}

}  // namespace seccompd::kube
