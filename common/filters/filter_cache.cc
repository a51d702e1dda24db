// SPDX-License-Identifier: Apache-2.0
#include "common/filters/filter_cache.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace seccompd::filters {
namespace {

// Threads tried in place of one that could not be read, per filter and scan.
constexpr int kMaxFailures = 4;

constexpr std::uint8_t kModeFilter = 2;

bool HoldsFilter(const Task& task) { return task.mode == kModeFilter && task.filter != 0; }

// True of every holder of the same filter, so it is as good as a stack.
bool OfTheFilter(Unknown reason) {
  return reason == Unknown::kTooManyFilters || reason == Unknown::kTooManyInstructions ||
         reason == Unknown::kNoOriginal;
}

std::size_t Instructions(const bpf::Stack& stack) {
  std::size_t sum = 0;
  for (const bpf::Program& program : stack) sum += program.size();
  return sum;
}

bool Contains(const std::vector<TaskId>& by_pid, const TaskId& id) {
  return std::binary_search(by_pid.begin(), by_pid.end(), id);
}

}  // namespace

FilterCache::FilterCache(CacheLimits limits, GroupOf group_of)
    : limits_(limits), group_of_(std::move(group_of)), none_(std::make_shared<bpf::Stack>()) {
  if (!group_of_) group_of_ = [](const Task& task) { return task.cgroup_id; };
}

void FilterCache::Update(std::span<const Task> scan) {
  for (std::size_t i = 0; i < scan.size(); ++i) {
    if (!HoldsFilter(scan[i])) continue;
    const auto found = entries_.find(scan[i].filter);
    if (found == entries_.end() || !Contains(found->second.holders, scan[i].id)) continue;
    found->second.last_proof = i + 1;
  }
  for (auto& [filter, entry] : entries_) {
    entry.holders.clear();
    entry.waiting.clear();
    entry.failures = 0;
    entry.failure = Unknown::kPending;
  }
  for (std::size_t i = 0; i < scan.size(); ++i) {
    if (!HoldsFilter(scan[i])) continue;
    auto [found, created] = entries_.try_emplace(scan[i].filter);
    Entry& entry = found->second;
    if (created) entry.group = group_of_(scan[i]);
    (i < entry.last_proof ? entry.holders : entry.waiting).push_back(scan[i].id);
  }
  bool forgot = false;
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    entry.last_proof = 0;
    if (entry.holders.empty() && entry.stack) {
      entry.stack = tl::unexpected(Unknown::kPending);
      forgot = true;
    }
    it = entry.holders.empty() && entry.waiting.empty() ? entries_.erase(it) : std::next(it);
  }
  if (forgot) CountInstructions();
}

std::vector<DumpRequest> FilterCache::Requests() {
  std::vector<DumpRequest> requests;
  const bool steady = std::none_of(entries_.begin(), entries_.end(),
                                   [](const auto& entry) { return !entry.second.waiting.empty(); });
  if (steady) return requests;
  auto usage = UsageOfGroups();
  for (auto& [filter, entry] : entries_) {
    if (entry.waiting.empty() || entry.failures >= kMaxFailures) continue;
    Usage& group = usage[entry.group];
    const bool counted = !entry.holders.empty();
    if (!counted && !Fits(group, 1)) {
      entry.failure = Unknown::kLimit;
      continue;
    }
    if (!counted) ++group.stacks;
    requests.push_back({.id = entry.waiting.front(), .filter = filter});
  }
  std::sort(requests.begin(), requests.end(),
            [](const DumpRequest& a, const DumpRequest& b) { return a.id < b.id; });
  if (requests.size() > limits_.requests) requests.resize(limits_.requests);
  return requests;
}

void FilterCache::Store(Dump dump) {
  const auto found = entries_.find(dump.request.filter);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const auto asked = std::find(entry.waiting.begin(), entry.waiting.end(), dump.request.id);
  if (asked == entry.waiting.end()) return;
  const bool tells = dump.stack || OfTheFilter(dump.stack.error());
  if (tells && dump.filter != dump.request.filter) {
    dump.stack = tl::unexpected(Unknown::kChanged);
  }
  tl::expected<SharedStack, Unknown> result = tl::unexpected(Unknown::kPending);
  if (dump.stack) {
    // A group that holds this filter already pays for it once.
    const std::size_t more = Instructions(*dump.stack);
    if (entry.holders.empty() && !Fits(UsageOfGroups()[entry.group], more)) {
      dump.stack = tl::unexpected(Unknown::kLimit);
    } else {
      result = Intern(std::move(*dump.stack));
    }
  }
  if (!dump.stack && !OfTheFilter(dump.stack.error())) {
    entry.failure = dump.stack.error();
    entry.failures = dump.stack.error() == Unknown::kLimit ? kMaxFailures : entry.failures + 1;
    entry.waiting.erase(asked);
    return;
  }
  if (!dump.stack) result = tl::unexpected(dump.stack.error());
  // Another content at the same address: who held it earlier in the scan held the old filter.
  if (result != entry.stack) entry.holders.clear();
  entry.stack = std::move(result);
  entry.holders.insert(entry.holders.end(), asked, entry.waiting.end());
  entry.waiting.erase(asked, entry.waiting.end());
  CountInstructions();
}

tl::expected<SharedStack, Unknown> FilterCache::Find(const Task& task) const {
  if (task.mode != kModeFilter) return none_;
  if (task.filter == 0) return tl::unexpected(Unknown::kNoFilter);
  const auto found = entries_.find(task.filter);
  if (found == entries_.end()) return tl::unexpected(Unknown::kPending);
  if (Contains(found->second.holders, task.id)) return found->second.stack;
  return tl::unexpected(found->second.failure);
}

bool FilterCache::Fits(const Usage& usage, std::size_t more) const {
  return usage.stacks < limits_.stacks_per_group &&
         usage.instructions + more <= limits_.instructions_per_group &&
         instructions_ + more <= limits_.instructions;
}

std::unordered_map<std::uint64_t, FilterCache::Usage> FilterCache::UsageOfGroups() const {
  std::unordered_map<std::uint64_t, Usage> groups;
  for (const auto& [filter, entry] : entries_) {
    if (entry.holders.empty()) continue;
    Usage& usage = groups[entry.group];
    ++usage.stacks;
    if (entry.stack) usage.instructions += Instructions(**entry.stack);
  }
  return groups;
}

SharedStack FilterCache::Intern(bpf::Stack stack) {
  for (const auto& [filter, entry] : entries_) {
    if (entry.stack && **entry.stack == stack) return *entry.stack;
  }
  return std::make_shared<const bpf::Stack>(std::move(stack));
}

void FilterCache::CountInstructions() {
  std::unordered_set<const bpf::Stack*> counted;
  instructions_ = 0;
  for (const auto& [filter, entry] : entries_) {
    if (entry.stack && counted.insert(entry.stack->get()).second) {
      instructions_ += Instructions(**entry.stack);
    }
  }
}

}  // namespace seccompd::filters
