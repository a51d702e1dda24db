// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/decide.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// (argument & mask) == value, or != if `negate`; the kernel sees only the low 32 bits of an `int`,
// so with `is_int` any high bits count as a match.
struct PatternArg {
  std::uint32_t index = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  bool negate = false;
  bool is_int = false;

  bool operator==(const PatternArg&) const = default;
};

// "Is this call blocked?": a syscall by name whose arguments meet all conditions.
struct CallPattern {
  std::string name;  // what reports call it, e.g. "af-alg"
  std::string syscall;
  std::vector<PatternArg> args;

  bool operator==(const CallPattern&) const = default;
};

enum class CheckResult : std::uint8_t { kBlocked, kPermitted, kBypassable, kUnknown };

// How a call can be made. kDirect is the native syscall with the argument's high bits zero.
enum class Way : std::uint8_t {
  kDirect,
  kHighBits,     // native, but only with garbage in the high half of an int argument
  kCompat,       // the direct syscall of another architecture (i386, arm)
  kX32,          // x86_64 with bit 30 of nr
  kMultiplexed,  // socketcall(2) or ipc(2), whose arguments lie in memory
  kIoUring,      // an io_uring operation does the same
};
std::string_view Name(Way way);

// One open way: where, and an input that gets through (for io_uring: the io_uring_setup call).
struct OpenWay {
  Way way = Way::kDirect;
  seccomp::Arch arch = seccomp::Arch::kX86_64;
  SeccompData witness;
  std::uint32_t value = 0;  // what the filter returns for the witness

  bool operator==(const OpenWay&) const = default;
};

// kBlocked only if every way to make the call is refused (KILL, TRAP, ERRNO); NOTIFY and TRACE are
// permitted, since someone else then decides. kPermitted: the native call gets through;
// kBypassable: only another way does. kUnknown: no arch has such a syscall in the table, or limits
// were reached.
struct CheckOutcome {
  CheckResult result = CheckResult::kUnknown;
  std::vector<OpenWay> open;
  std::string reason;  // of kUnknown

  bool operator==(const CheckOutcome&) const = default;
};

// `native` and its compat architectures are considered, as far as the table knows the call there.
CheckOutcome Check(Workspace& workspace, Diagram diagram, const CallPattern& pattern,
                   const seccomp::SyscallTable& table, seccomp::Arch native);

// The built-in critical calls: mount and its kin, bpf, clone/clone3/unshare with namespace flags,
// module loading, ptrace, io_uring_setup, socket(AF_ALG) and so on, for this architecture's order
// of clone's arguments.
std::vector<CallPattern> CriticalCalls(seccomp::Arch native);

}  // namespace seccompd::bpf
