// SPDX-License-Identifier: Apache-2.0
#include "common/audit/report_cells.h"

#include <fmt/format.h>

#include "common/base/strings.h"
#include "common/base/text_table.h"

namespace seccompd::audit {
namespace {

constexpr std::size_t kWidest = 120;
constexpr std::size_t kIdDigits = 12;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string Cell(std::string_view text) {
  std::string shown = base::Printable(text);
  if (base::TextWidth(shown) <= kWidest) return shown;
  std::size_t at = 0;
  for (std::size_t seen = 0; at < shown.size(); ++at) {
    if (!IsContinuation(shown[at]) && ++seen == kWidest) break;
  }
  return shown.substr(0, at) + "…";
}

std::string TargetText(const Row& row) {
  const std::string id = row.container_id.substr(0, kIdDigits);
  if (row.naming == Naming::kNoPod) {
    return fmt::format("-/{}/{}", row.pod_uid.empty() ? "-" : row.pod_uid, id);
  }
  std::string container = row.container;
  if (row.naming == Naming::kPause) container = "(pause)";
  if (container.empty()) container = "?" + id;
  return fmt::format("{}/{}/{}", row.namespace_name, row.pod, container);
}

}  // namespace seccompd::audit
