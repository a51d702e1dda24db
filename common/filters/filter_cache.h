// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "common/bpf/program.h"
#include "common/filters/dump.h"
#include "common/filters/task.h"

namespace seccompd::filters {

// shared_ptr because equal stacks of many containers are one object, which verdicts outlive the
// cache with; immutable, so sharing is safe, and comparing pointers compares contents of one cache.
using SharedStack = std::shared_ptr<const bpf::Stack>;

// Bounds, so that one workload with endlessly many filters blinds nobody but itself. A group is a
// container, by default its v2 cgroup; on a v1 node all tasks share one, so give a GroupOf there.
struct CacheLimits {
  std::size_t stacks_per_group = 64;
  std::size_t instructions_per_group = std::size_t{128} * 1024;  // 1 MiB
  std::size_t instructions = std::size_t{4} * 1024 * 1024;       // 32 MiB
  std::size_t requests = 64;                                     // given out at once
};

// What is loaded, without reading it twice. Pure: scans and dumps in, requests and stacks out.
// The kernel reuses the address of a freed filter at once, so a stack is known for a thread only by
// custody: the thread itself held the filter when it was dumped and ever since (a thread never
// returns to a freed filter), or was seen holding it before a thread of which that is proven.
class FilterCache {
 public:
  using GroupOf = std::function<std::uint64_t(const Task&)>;

  explicit FilterCache(CacheLimits limits = {}, GroupOf group_of = nullptr);

  // Takes a whole scan in the order in which it was made (ascending pids) and forgets what nobody
  // provably holds any more.
  void Update(std::span<const Task> scan);

  // Threads to dump now, at most one per filter, by pid; empty when all that can be known is.
  [[nodiscard]] std::vector<DumpRequest> Requests();

  // The answer to a request. After a failure another thread may be asked for in its place.
  void Store(Dump dump);

  // The stack of a thread of the last scan; for a thread without a filter an empty one.
  [[nodiscard]] tl::expected<SharedStack, Unknown> Find(const Task& task) const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }  // distinct kernel filters
  [[nodiscard]] std::size_t InstructionCount() const { return instructions_; }  // equal stacks once

 private:
  struct Entry {
    tl::expected<SharedStack, Unknown> stack = tl::unexpected(Unknown::kPending);
    std::vector<TaskId> holders;          // proven at the last scan, by pid
    std::vector<TaskId> waiting;          // the others, in the order of the scan
    Unknown failure = Unknown::kPending;  // what those who wait are told
    std::uint64_t group = 0;
    std::size_t last_proof = 0;  // during Update: 1 + index of the last holder seen again
    int failures = 0;            // since the last scan
  };
  struct Usage {
    std::size_t stacks = 0;
    std::size_t instructions = 0;
  };

  [[nodiscard]] bool Fits(const Usage& usage, std::size_t more) const;
  [[nodiscard]] std::unordered_map<std::uint64_t, Usage> UsageOfGroups() const;
  [[nodiscard]] SharedStack Intern(bpf::Stack stack);
  void CountInstructions();

  CacheLimits limits_;
  GroupOf group_of_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::size_t instructions_ = 0;
  SharedStack none_;
};

}  // namespace seccompd::filters
