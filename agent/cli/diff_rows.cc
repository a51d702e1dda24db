// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/cli/diff_report.h"
#include "common/bpf/check.h"
#include "common/bpf/words.h"

namespace seccompd::agent {
namespace {

using bpf::Difference;
using bpf::Direction;
using seccomp::Arch;

constexpr std::string_view kElsewhere = "elsewhere";

int RankOf(Direction direction) {
  return direction == Direction::kWeaker ? 0 : direction == Direction::kOther ? 1 : 2;
}

struct Numbers {
  std::uint32_t first;
  std::uint32_t last;
};

std::string NumbersText(const std::vector<Numbers>& ranges) {
  constexpr std::size_t kMost = 3;
  std::string text = "numbers ";
  for (std::size_t i = 0; i < ranges.size() && i < kMost; ++i) {
    if (i > 0) text += ", ";
    text += ranges[i].first == ranges[i].last
                ? fmt::format("{}", ranges[i].first)
                : fmt::format("{}..{}", ranges[i].first, ranges[i].last);
  }
  if (ranges.size() > kMost) text += fmt::format(" and {} more", ranges.size() - kMost);
  return text;
}

// Sorts blocks of archs and numbers into lines by name.
class RowMaker {
 public:
  RowMaker(Arch native, const seccomp::SyscallTable& table)
      : archs_(bpf::EnterableArchs(native)), table_(table) {
    for (const Arch arch : archs_) {
      for (const std::string_view name : table.Names(arch)) {
        const auto number = table.Number(arch, name);
        if (number && *number >= 0) {
          named_[arch].emplace(static_cast<std::uint32_t>(*number), name);
        }
      }
    }
  }

  void Add(const Difference& block) {
    // AUDIT_ARCH_* of the block that are ours; the rest of it nobody can enter here.
    std::uint64_t inside = 0;
    std::uint32_t counted = 0;
    for (const Arch arch : archs_) {
      const std::uint32_t audit = seccomp::AuditArch(arch);
      if (audit < block.first_arch || audit > block.last_arch) continue;
      if (audit != counted) ++inside;
      counted = audit;
      AddOn(arch, block);
    }
    const std::uint64_t size = std::uint64_t{block.last_arch} - block.first_arch + 1;
    if (inside == size) return;
    const bool all = block.first_nr == 0 && block.last_nr == ~0U;
    auto& place = elsewhere_[KeyOf(InWords(block.condition, {}), block)];
    place.all = place.all || all;
    if (!place.seen) place.witness = block.witness;
    place.seen = true;
  }

  std::vector<DiffRow> Take() {
    std::vector<DiffRow> rows;
    for (const auto& [key, names] : named_rows_) {
      for (const auto& [name, place] : names) {
        rows.push_back(Row(key, ArchsText(place.archs, name), name, place.witness));
      }
    }
    for (const auto& [key, archs] : unnamed_rows_) TakeUnnamed(key, archs, rows);
    std::stable_sort(rows.begin(), rows.end(), [](const DiffRow& x, const DiffRow& y) {
      return std::pair(RankOf(x.direction), std::string_view(x.call)) <
             std::pair(RankOf(y.direction), std::string_view(y.call));
    });
    for (const auto& [key, place] : elsewhere_) {
      rows.push_back(
          Row(key, std::string(kElsewhere), place.all ? "any" : "some numbers", place.witness));
    }
    return rows;
  }

 private:
  // When, from, to, direction.
  using Key = std::tuple<std::string, std::uint32_t, std::uint32_t, Direction>;
  struct Named {
    std::vector<Arch> archs;
    bpf::SeccompData witness;
  };
  struct Unnamed {
    std::vector<Numbers> ranges;
    bpf::SeccompData witness;
  };
  struct Elsewhere {
    bool seen = false;
    bool all = false;
    bpf::SeccompData witness;
  };

  static Key KeyOf(std::string when, const Difference& block) {
    return {std::move(when), block.from, block.to, block.direction};
  }

  static DiffRow Row(const Key& key, std::string archs, std::string call,
                     const bpf::SeccompData& witness) {
    return {.direction = std::get<3>(key),
            .archs = std::move(archs),
            .call = std::move(call),
            .when = std::get<0>(key),
            .from = std::get<1>(key),
            .to = std::get<2>(key),
            .witness = witness};
  }

  // The parts of the block's numbers that are of the arch's ABI.
  static std::vector<Numbers> InAbi(Arch arch, Numbers all) {
    constexpr std::uint32_t kFirst = seccomp::kX32Bit;
    constexpr std::uint32_t kLast = 2 * seccomp::kX32Bit - 1;
    if (arch == Arch::kX32) {
      const Numbers x32{std::max(all.first, kFirst), std::min(all.last, kLast)};
      return x32.first <= x32.last ? std::vector{x32} : std::vector<Numbers>();
    }
    if (arch != Arch::kX86_64) return {all};
    std::vector<Numbers> parts;
    if (all.first < kFirst) parts.push_back({all.first, std::min(all.last, kFirst - 1)});
    if (all.last > kLast) parts.push_back({std::max(all.first, kLast + 1), all.last});
    return parts;
  }

  void AddOn(Arch arch, const Difference& block) {
    const auto& names = named_[arch];
    bpf::SeccompData witness = block.witness;
    witness.arch = seccomp::AuditArch(arch);
    for (const Numbers& part : InAbi(arch, {block.first_nr, block.last_nr})) {
      std::uint64_t next = part.first;
      for (auto it = names.lower_bound(part.first); it != names.end() && it->first <= part.last;
           ++it) {
        if (it->first > next) AddUnnamed(arch, block, {Narrow(next), it->first - 1}, witness);
        witness.nr = it->first;
        const bpf::CallName call{.syscall = it->second, .arch = arch};
        Named& place =
            named_rows_[KeyOf(InWords(block.condition, call), block)][std::string(it->second)];
        if (place.archs.empty()) place.witness = witness;
        place.archs.push_back(arch);
        next = std::uint64_t{it->first} + 1;
      }
      if (next <= part.last) AddUnnamed(arch, block, {Narrow(next), part.last}, witness);
    }
  }

  static std::uint32_t Narrow(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

  void AddUnnamed(Arch arch, const Difference& block, Numbers range, bpf::SeccompData witness) {
    Unnamed& place = unnamed_rows_[KeyOf(InWords(block.condition, {}), block)][arch];
    if (place.ranges.empty()) {
      place.witness = witness;
      place.witness.nr = range.first;
    }
    if (!place.ranges.empty() && place.ranges.back().last + 1 == range.first) {
      place.ranges.back().last = range.last;
    } else {
      place.ranges.push_back(range);
    }
  }

  // Architectures with the same numbers share a line.
  static void TakeUnnamed(const Key& key, const std::map<Arch, Unnamed>& archs,
                          std::vector<DiffRow>& rows) {
    const std::size_t begin = rows.size();
    for (const auto& [arch, place] : archs) {
      const std::string call = NumbersText(place.ranges);
      const auto same = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.end(),
                                     [&](const DiffRow& row) { return row.call == call; });
      if (same != rows.end()) {
        same->archs += ", " + std::string(DisplayName(arch));
      } else {
        rows.push_back(Row(key, std::string(DisplayName(arch)), call, place.witness));
      }
    }
  }

  [[nodiscard]] std::string ArchsText(const std::vector<Arch>& archs,
                                      const std::string& name) const {
    const auto knowing = std::count_if(archs_.begin(), archs_.end(), [&](Arch arch) {
      const auto number = table_.Number(arch, name);
      return number && *number >= 0;
    });
    if (archs.size() > 1 && static_cast<std::ptrdiff_t>(archs.size()) == knowing) return "all";
    std::string text;
    for (const Arch arch : archs) {
      if (!text.empty()) text += ", ";
      text += DisplayName(arch);
    }
    return text;
  }

  std::vector<Arch> archs_;
  const seccomp::SyscallTable& table_;
  std::map<Arch, std::map<std::uint32_t, std::string_view>> named_;
  std::map<Key, std::map<std::string, Named>> named_rows_;
  std::map<Key, std::map<Arch, Unnamed>> unnamed_rows_;
  std::map<Key, Elsewhere> elsewhere_;
};

}  // namespace

std::vector<DiffRow> RowsOf(const bpf::Comparison& comparison, Arch native,
                            const seccomp::SyscallTable& table) {
  RowMaker maker(native, table);
  for (const Difference& block : comparison.differences) maker.Add(block);
  return maker.Take();
}

}  // namespace seccompd::agent
