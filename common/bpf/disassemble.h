// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/bpf/program.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// One instruction as text. `label` is "L12" if something jumps here, else empty; `comment` says
// what the constant means where the flow of the program tells (a syscall, an architecture, an
// errno).
struct DisassembledLine {
  std::size_t index = 0;
  std::string label;
  std::string text;
  std::string comment;

  bool operator==(const DisassembledLine&) const = default;
};

// Any program, verified or not; jumps outside and unknown opcodes are shown as such.
std::vector<DisassembledLine> Disassemble(const Program& program,
                                          const seccomp::SyscallTable& names);

// The lines as a listing, one instruction a line, comments aligned.
std::string DisassembleToText(const Program& program, const seccomp::SyscallTable& names);

}  // namespace seccompd::bpf
