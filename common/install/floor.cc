// SPDX-License-Identifier: Apache-2.0
#include "common/install/floor.h"

#include <fmt/format.h>

#include <utility>

#include "common/bpf/check.h"
#include "common/bpf/decide.h"
#include "common/bpf/floor.h"
#include "common/bpf/words.h"
#include "common/seccomp/arch.h"

namespace seccompd::install {
namespace {

// "x86_64 mount(0x0, 0x0, 0x0)".
std::string CallText(const bpf::SeccompData& call, const std::vector<seccomp::Arch>& archs,
                     const seccomp::SyscallTable& table) {
  std::string who = fmt::format("call {}", call.nr);
  for (const seccomp::Arch arch : archs) {
    if (seccomp::AuditArch(arch) != call.arch) continue;
    const auto name = table.Name(arch, static_cast<std::int32_t>(call.nr));
    if (name.empty()) continue;
    who = fmt::format("{} {}", seccomp::DisplayName(arch), name);
    break;
  }
  return fmt::format("{}({:#x}, {:#x}, {:#x})", who, call.args[0], call.args[1], call.args[2]);
}

base::Result<std::optional<bpf::BelowFloor>> Compare(const bpf::Program& filter,
                                                     const ProfileFloor& floor,
                                                     const Preparer& preparer,
                                                     const std::vector<seccomp::Arch>& archs) {
  TRY_ASSIGN(const bpf::Program least, preparer.compile(floor.profile));
  bpf::Workspace workspace;
  TRY_ASSIGN(const bpf::Diagram loaded, workspace.Decide(filter));
  TRY_ASSIGN(const bpf::Diagram refused, workspace.Decide(least));
  std::vector<std::uint32_t> audit_archs;
  audit_archs.reserve(archs.size());
  for (const seccomp::Arch arch : archs) audit_archs.push_back(seccomp::AuditArch(arch));
  return bpf::CompareWithFloor(workspace, loaded, refused, audit_archs);
}

}  // namespace

std::vector<seccomp::Diagnostic> FloorProblems(const bpf::Program& filter,
                                               const ProfileFloor& floor,
                                               const Preparer& preparer) {
  const std::vector<seccomp::Arch> archs = bpf::EnterableArchs(preparer.node.arch);
  const auto below = Compare(filter, floor, preparer, archs);
  if (below && !*below) return {};
  std::string message;
  if (below) {
    const bpf::BelowFloor& found = **below;
    message = fmt::format("permits {} ({}), which policy.floor, {}, does not ({}): refuse it too",
                          CallText(found.witness, archs, *preparer.table),
                          bpf::ActionText(found.filter), floor.name, bpf::ActionText(found.floor));
  } else {
    message = fmt::format("cannot be compared with policy.floor, {}: {}", floor.name,
                          below.error().message);
  }
  return {{.code = seccomp::codes::kBelowFloor,
           .severity = seccomp::Severity::kError,
           .pointer = {},
           .message = std::move(message)}};
}

}  // namespace seccompd::install
