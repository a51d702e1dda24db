// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/process.h"

#include <limits>
#include <utility>
#include <vector>

#include "common/base/strings.h"

namespace seccompd::metrics {
namespace {

using base::ParseInt;

// Fields of proc_pid_stat(5), counted from 1.
constexpr std::size_t kUtime = 14;
constexpr std::size_t kStime = 15;
constexpr std::size_t kStartTime = 22;
constexpr std::size_t kVsize = 23;
constexpr std::size_t kRss = 24;

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : base::Split(line, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// The numbers of /proc/self/stat from field 3 on: field 2, the name, may hold spaces and ')'.
class StatFields {
 public:
  explicit StatFields(std::string_view text) {
    const std::size_t end_of_name = text.rfind(')');
    if (end_of_name == std::string_view::npos) return;
    words_ = Words(base::TrimSpace(text.substr(end_of_name + 1)));
  }
  [[nodiscard]] std::optional<std::uint64_t> At(std::size_t field) const {
    const std::size_t index = field - 3;
    if (index >= words_.size()) return std::nullopt;
    return ParseInt<std::uint64_t>(words_[index]);
  }

 private:
  std::vector<std::string_view> words_;
};

// The soft limit of a line such as "Max open files            1024                 4096 files".
std::optional<std::uint64_t> SoftLimit(std::string_view limits, std::string_view name) {
  for (const std::string_view line : base::Split(limits, '\n')) {
    if (!line.starts_with(name)) continue;
    const std::vector<std::string_view> words = Words(line.substr(name.size()));
    if (words.empty()) return std::nullopt;
    if (words[0] == "unlimited") return std::numeric_limits<std::uint64_t>::max();
    return ParseInt<std::uint64_t>(words[0]);
  }
  return std::nullopt;
}

// netstat has pairs of lines, the first with the names of the second's numbers.
std::optional<std::uint64_t> NetstatValue(std::string_view netstat, std::string_view group,
                                          std::string_view name) {
  std::vector<std::string_view> names;
  for (const std::string_view line : base::Split(netstat, '\n')) {
    if (!line.starts_with(group)) continue;
    std::vector<std::string_view> words = Words(line);
    if (names.empty()) {
      names = std::move(words);
      continue;
    }
    for (std::size_t i = 0; i < names.size() && i < words.size(); ++i) {
      if (names[i] == name) return ParseInt<std::uint64_t>(words[i]);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> BootTime(std::string_view system) {
  constexpr std::string_view kName = "btime ";
  for (const std::string_view line : base::Split(system, '\n')) {
    if (line.starts_with(kName)) return ParseInt<std::uint64_t>(line.substr(kName.size()));
  }
  return std::nullopt;
}

}  // namespace

ProcessStats ParseProcessStats(const ProcessTexts& texts, const ProcessUnits& units) {
  ProcessStats stats;
  const StatFields fields(texts.stat);
  const auto ticks = static_cast<double>(units.ticks_per_second);
  const auto user = fields.At(kUtime);
  const auto system = fields.At(kStime);
  if (user && system) stats.cpu_seconds = static_cast<double>(*user + *system) / ticks;
  const auto boot = BootTime(texts.system);
  const auto start = fields.At(kStartTime);
  if (boot && start) {
    stats.start_time_seconds = static_cast<double>(*boot) + static_cast<double>(*start) / ticks;
  }
  stats.virtual_memory_bytes = fields.At(kVsize);
  const auto pages = fields.At(kRss);
  if (pages) stats.resident_memory_bytes = *pages * static_cast<std::uint64_t>(units.page_bytes);
  stats.virtual_memory_max_bytes = SoftLimit(texts.limits, "Max address space ");
  stats.max_fds = SoftLimit(texts.limits, "Max open files ");
  stats.open_fds = texts.open_fds;
  stats.network_receive_bytes = NetstatValue(texts.netstat, "IpExt:", "InOctets");
  stats.network_transmit_bytes = NetstatValue(texts.netstat, "IpExt:", "OutOctets");
  return stats;
}

}  // namespace seccompd::metrics
