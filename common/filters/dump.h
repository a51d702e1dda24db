// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

#include "common/bpf/program.h"
#include "common/filters/task.h"

namespace seccompd::filters {

// What a dump takes; more is `unknown` for that task alone. The kernel's own limit is 32,768
// converted instructions plus 4 a filter (kernel/seccomp.c MAX_INSNS_PER_PATH).
inline constexpr std::uint32_t kMaxFilters = 1024;
inline constexpr std::uint32_t kMaxStackInstructions = 32768;

// Why a loaded stack is not known. Closed set; the names appear in reports.
enum class Unknown {
  kPending,              // not dumped yet: the next pass will
  kGone,                 // the task exited before it was read
  kNoFilter,             // the thread holds no filter (any more): it is exiting
  kChanged,              // another filter was loaded since the scan
  kTorn,                 // it changed during every attempt to read it
  kTooManyFilters,       // more than kMaxFilters
  kTooManyInstructions,  // more than kMaxStackInstructions
  kNoOriginal,           // the kernel kept no classic program
  kUnreadable,           // kernel memory could not be read, or made no sense
  kLimit,                // more distinct stacks in its group, or on the node, than are kept
};
std::string_view UnknownName(Unknown reason);      // "too-many-filters"
std::string_view UnknownSentence(Unknown reason);  // for people

// Read the stack of this very thread. `filter` 0 takes whatever it has; otherwise a thread whose
// newest filter is another one by now gives kChanged.
struct DumpRequest {
  TaskId id;
  std::uint64_t filter = 0;

  bool operator==(const DumpRequest&) const = default;
};

struct Dump {
  DumpRequest request;
  std::uint64_t filter = 0;  // identity of the newest filter that was read
  tl::expected<bpf::Stack, Unknown> stack = tl::unexpected(Unknown::kPending);  // oldest first

  bool operator==(const Dump&) const = default;
};

}  // namespace seccompd::filters
