// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/bpf/program.h"

// The kernel under this test as an oracle. Everything happens in forked children; filters act only
// on system call numbers that the tests choose. Empty results mean that this machine cannot serve.
namespace seccompd::bpf::testing {

// For each program: would the kernel load it? Nothing is loaded: a listener is asked for while
// another exists, which the kernel refuses (EBUSY) only after it has accepted the program.
std::vector<bool> KernelAccepts(std::span<const Program> programs);

// One system call under the installed filters. `nr` and `args` go in; `arch` may be x86_64 or i386
// (int 0x80); the instruction pointer is where the kernel saw it.
struct KernelCall {
  std::uint32_t nr = 0;
  std::uint32_t arch = 0;
  std::uint64_t args[6] = {};
};
struct KernelAnswer {
  bool made = false;  // false: the child died before the call returned
  std::int64_t result = 0;
  std::uint64_t instruction_pointer = 0;
};

// Installs the stack, oldest first, and makes the calls in order in one child. `signal` is what
// ended it, 0 if nothing did.
struct KernelRun {
  std::vector<KernelAnswer> answers;
  int signal = 0;
  bool installed = false;
};
KernelRun RunUnderFilters(const Stack& stack, std::span<const KernelCall> calls);

// Where calls of this arch return to: seccomp_data.instruction_pointer of every call above.
std::uint64_t CallSite(std::uint32_t arch);

}  // namespace seccompd::bpf::testing
