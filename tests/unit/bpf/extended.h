// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/program.h"
#include "common/bpf/prove_extension.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

constexpr std::uint64_t kDirty = std::uint64_t{1} << 32;  // a high half that the kernel cuts off

const seccomp::SyscallTable& ExtendedTable();
seccomp::NodeFacts ExtendedNode(seccomp::Arch arch = seccomp::Arch::kX86_64);

// All steps from the rules of a text and a base to a proven filter.
struct Extended {
  seccomp::Arch arch;
  seccomp::Profile extension;
  seccomp::Profile rewritten;
  Program base;
  Program program;
  std::vector<std::string> codes;     // "E0207 /syscalls/0/names/0" of everything that was found
  std::vector<std::string> messages;  // of the same
  base::Result<> proof;
  std::vector<seccomp::Diagnostic> open;
};
Extended Apply(const std::string& rules, const seccomp::Profile& base,
               seccomp::Arch arch = seccomp::Arch::kX86_64);
ExtensionCase CaseOf(const Extended& e);

// The normalised return value for the call.
std::uint32_t Decision(const Extended& e, std::uint32_t arch, std::uint32_t nr, std::uint64_t arg0,
                       std::uint64_t arg1 = 0, std::uint64_t arg2 = 0);

}  // namespace seccompd::bpf
