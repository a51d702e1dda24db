// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/bpf/cause.h"
#include "common/bpf/compare.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::agent {

// One line of `diff`: calls that are decided differently, with one input that shows it.
struct DiffRow {
  bpf::Direction direction = bpf::Direction::kOther;
  std::string archs;  // "x86_64", "i386, x32", "all": what can be entered; "elsewhere": nothing can
  std::string call;   // a name, or "numbers 463..1023"
  std::string when;   // "always", or the condition in words
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  bpf::SeccompData witness{};

  bool operator==(const DiffRow&) const = default;
};

struct DiffSide {
  std::string name;
  std::vector<std::string> notes;
  std::vector<std::size_t> instructions;
  std::string fingerprint;
};

struct DiffReport {
  DiffSide a;
  DiffSide b;
  bpf::Comparison comparison;
  std::vector<DiffRow> rows;  // weaker first
  std::vector<bpf::CauseFound> causes;
  // Which directions make the command fail, for the mark behind a row.
  bool fails_on_weaker = true;
  bool fails_on_any = true;

  [[nodiscard]] bool Fails() const;
  [[nodiscard]] std::size_t Count(bpf::Direction direction) const;
};

// The differences by name, equal lines of several architectures joined. Archs that cannot be
// entered on `native` come last, as one.
std::vector<DiffRow> RowsOf(const bpf::Comparison& comparison, seccomp::Arch native,
                            const seccomp::SyscallTable& table);

std::string_view DirectionName(bpf::Direction direction);  // "weaker", "stricter", "differs"

// For people.
std::string RenderText(const DiffReport& report, bool colour);
// One object; "version" grows when a field changes its meaning.
std::string RenderJson(const DiffReport& report);

}  // namespace seccompd::agent
