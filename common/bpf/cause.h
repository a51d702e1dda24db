// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/compare.h"
#include "common/bpf/decide.h"
#include "common/bpf/program.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// Why a loaded filter decides otherwise than the profile that was asked for. Closed set; the names
// appear in reports.
enum class Cause : std::uint8_t {
  kDockerFields,         // includes, excludes, archMap, ... were ignored by containerd
  kLibseccompMerge,      // libseccomp < 2.6.1 merges two LT/LE rules wrongly (GHSA-4q85-33p6-j5g6)
  kMissingArchitecture,  // an architecture is listed on one side only
  kUnknownSyscall,       // calls that one of the two syscall tables does not have
  kRuncEnosys,           // only runc's ENOSYS above the last system call
  kNotifier,             // CRI-O's notifier turned refusals into NOTIFY
  kToldOtherwise,        // the runtime was told another profile than the file
};
std::string_view Name(Cause cause);      // "docker-fields"
std::string_view Sentence(Cause cause);  // for people, one line

// One cause; `detail` names what it is about: "includes, archMap", "i386", "cachestat, ...".
struct CauseFound {
  Cause cause = Cause::kToldOtherwise;
  std::string detail;

  bool operator==(const CauseFound&) const = default;
};

// What is known of a difference.
struct CauseInput {
  const seccomp::Profile& asked;
  std::string_view text;  // the asked profile as its author wrote it; "" if unknown
  seccomp::Arch native = seccomp::Arch::kX86_64;
  const seccomp::SyscallTable& table;
  // What the runtime was told (config.json), where it was read; null: not.
  const seccomp::Profile* told = nullptr;
  // Makes a filter of a profile: bpf::Compile for `native`, or the same in a child.
  std::function<base::Result<Program>(const seccomp::Profile&)> compile;
};

// The causes that are shown to fit: for each the profile is compiled as if it were the cause, and
// what comes out decides as `loaded` does for every input (but for runc's ENOSYS). `comparison` is
// of `loaded` with what was asked. Nothing is guessed: where no cause fits, the list is empty.
std::vector<CauseFound> FindCauses(Workspace& workspace, Diagram loaded,
                                   const Comparison& comparison, const CauseInput& input);

}  // namespace seccompd::bpf
