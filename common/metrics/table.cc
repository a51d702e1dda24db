// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/table.h"

#include <string>

namespace seccompd::metrics {
namespace {

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kGauge:
      return "gauge";
    case Type::kCounter:
      return "counter";
    case Type::kHistogram:
      return "histogram";
  }
  return "";
}

// What a label can be, where the set is closed.
template <class E>
std::string Values() {
  std::string text;
  for (const std::string_view name : LabelValues<E>::kNames) {
    text += (text.empty() ? "" : " ") + ("`" + std::string(name) + "`");
  }
  return text;
}

}  // namespace

std::span<const Descriptor> Table() { return kTable; }

std::string RenderTable() {
  std::string text = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const Descriptor& metric : kTable) {
    text += "| `" + std::string(metric.name) + "` | " + std::string(TypeName(metric.type)) + " | " +
            std::string(metric.labels) + " | " + std::string(metric.help) +
            (metric.detail || metric.type == Type::kHistogram ? " Level `full` only." : "") +
            " |\n";
  }
  text += "\n| label | values |\n|---|---|\n";
  text += "| state | " + Values<ProfileState>() + " |\n";
  text += "| operation | " + Values<FileOperation>() + " |\n";
  text += "| kind | " + Values<DriftKind>() + " |\n";
  text += "| expected | " + Values<Expected>() + " |\n";
  text += "| verdict | " + Values<Verdict>() + " |\n";
  text += "| evidence | " + Values<Evidence>() + " |\n";
  text += "| mode | " + Values<SeccompMode>() + " |\n";
  text += "| result | " + Values<CheckResult>() + " |\n";
  text += "| reason (of `seccompd_unserved_references`) | " + Values<Unserved>() + " |\n";
  text += "| event | " + Values<WatchEvent>() + " |\n";
  text += "| reason (of `seccompd_watch_restarts_total`) | " + Values<Rewatch>() + " |\n";
  text += "| reason (of `seccompd_relists_total`) | " + Values<Relist>() + " |\n";
  text += "| reason (of `seccompd_events_*_total`) | " + Values<EventReason>() + " |\n";
  return text;
}

}  // namespace seccompd::metrics
