// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/condition.h"
#include "common/bpf/decide.h"

namespace seccompd::bpf {

// Seen from the first diagram (what should be) to the second (what is): weaker permits what the
// first does not, by Permission (refused < NOTIFY < TRACE < ALLOW and LOG); other treats calls of
// the same permission in another way (errno, kill, log).
enum class Direction : std::uint8_t { kWeaker, kStricter, kOther };
Direction DirectionOf(std::uint32_t from, std::uint32_t to);

// One block of inputs that are decided differently: these archs and syscall numbers (inclusive), if
// the arguments meet the condition. Blocks never overlap.
struct Difference {
  std::uint32_t first_arch = 0;
  std::uint32_t last_arch = 0;
  std::uint32_t first_nr = 0;
  std::uint32_t last_nr = 0;
  Condition condition;
  std::uint32_t from = 0;  // normalised return values
  std::uint32_t to = 0;
  Direction direction = Direction::kOther;
  SeccompData witness;  // one input of the block

  bool operator==(const Difference&) const = default;
};

// runc's stub as found: on this arch (x32 apart from x86_64: bit 30 of nr), every number from
// `first_nr` on gets ENOSYS from one of the two, where the other refuses it in another way.
struct EnosysTail {
  std::uint32_t arch = 0;
  bool x32 = false;
  std::uint32_t first_nr = 0;  // the lowest that is decided differently
  bool in_second = true;       // which one says ENOSYS

  bool operator==(const EnosysTail&) const = default;
};

enum class Relation : std::uint8_t { kEqual, kEqualExceptEnosys, kDifferent };

struct Comparison {
  Relation relation = Relation::kEqual;
  std::vector<EnosysTail> enosys;       // of kEqualExceptEnosys
  std::vector<Difference> differences;  // by arch, then nr; at most max_differences
  // All blocks, also those beyond the list; saturating.
  std::uint64_t total = 0;
  std::uint64_t weaker = 0;
  std::uint64_t stricter = 0;
  std::uint64_t other = 0;

  bool operator==(const Comparison&) const = default;
};

// The highest syscall number that the profile or the table names on an arch: an ENOSYS tail that
// begins at or below it is a real difference.
struct LastSyscall {
  std::uint32_t arch = 0;
  bool x32 = false;
  std::uint32_t nr = 0;
};

struct CompareOptions {
  std::size_t max_differences = 1'000;
  std::size_t max_terms = 32;  // conjunctions of one condition
  std::vector<LastSyscall> last_syscalls = {};
};

// Exact for all inputs. Fails only with kResourceExhausted (undecided).
[[nodiscard]] base::Result<Comparison> Compare(Workspace& workspace, Diagram from, Diagram to,
                                               const CompareOptions& options = {});

}  // namespace seccompd::bpf
