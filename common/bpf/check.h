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

// (argument & mask) == value, or != if `negate`. Where the kernel takes the argument as an int
// (seccomp::NarrowArguments, and every argument of a 32-bit architecture) only the low 32 bits
// count.
struct PatternArg {
  std::uint32_t index = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  bool negate = false;

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
std::string_view Name(CheckResult result);  // "blocked"

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

// One open way: where, and an input that gets through (for io_uring: the io_uring_setup call; with
// IORING_SETUP_SQPOLL no other system call is needed).
struct OpenWay {
  Way way = Way::kDirect;
  seccomp::Arch arch = seccomp::Arch::kX86_64;
  SeccompData witness;
  std::uint32_t value = 0;  // what the filter returns for the witness

  bool operator==(const OpenWay&) const = default;
};

// kBlocked only if every way to make the call is refused (KILL, TRAP, ERRNO); NOTIFY and TRACE
// count as permitted, since someone else then decides. kPermitted: the native call gets through, or
// the call exists on other architectures only and does there; kBypassable: only another way does.
// kUnknown: no architecture has such a call in the table, or limits were reached.
struct CheckOutcome {
  CheckResult result = CheckResult::kUnknown;
  std::vector<OpenWay> open;
  std::string reason;  // of kUnknown

  bool operator==(const CheckOutcome&) const = default;
};

// `archs`: those that can be entered on the node, the native one first.
CheckOutcome Check(Workspace& workspace, Diagram diagram, const CallPattern& pattern,
                   const seccomp::SyscallTable& table, std::span<const seccomp::Arch> archs);

// How socketcall(2) or ipc(2) makes this call: its name and the number in their first argument.
struct MultiplexedCall {
  std::string_view multiplexer;
  std::uint32_t number = 0;
};
std::optional<MultiplexedCall> MultiplexedAs(std::string_view syscall);

// The native architecture and its compat ones: what can be entered unless the kernel lacks some.
std::vector<seccomp::Arch> EnterableArchs(seccomp::Arch native);

// seccomp::CriticalSyscalls() as patterns: clone and unshare with a namespace flag, the others with
// any arguments.
std::vector<CallPattern> CriticalCalls(seccomp::Arch native);

}  // namespace seccompd::bpf
