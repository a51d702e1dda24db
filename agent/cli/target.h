// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/compile.h"
#include "common/bpf/program.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::agent {

// What a TARGET of the command line stands for: filters, and the profile they come from if there is
// one.
struct Target {
  std::string name{};                         // as tables head a column with it
  std::optional<seccomp::Profile> profile{};  // absent of what was read as a program
  std::string text{};                         // the profile as its author wrote it; "" if unknown
  bpf::Stack stack{};                         // oldest first; empty: no filter, all is allowed
  std::vector<std::string> notes{};           // for people: how it was understood
  std::vector<seccomp::Diagnostic> diagnostics{};  // of the profile; none is an error
};

// A form of TARGET that needs more than files: pid:N, [NS/]POD, cri:ID, self. nullopt if `text` has
// not that form; asked in order, after the forms below and before "no such file".
using TargetForm = std::function<std::optional<base::Result<Target>>(std::string_view text)>;

struct TargetSettings {
  seccomp::NodeFacts node{};  // that would load a profile, and what the container holds
  std::string
      container_runtime{};  // whose default a bare runtime-default is; "": containerd's newest
  bpf::Runtime runtime = bpf::Runtime::kCrun;    // the OCI runtime, that loads a profile
  const seccomp::SyscallTable* table = nullptr;  // of every architecture; must not be null
  std::istream* in = nullptr;                    // what "-" reads; null: "-" is refused
  std::vector<TargetForm> forms{};
};

// FILE or - (a profile, or a ConfigMap manifest with one), FILE#KEY (a key or localhostProfile path
// of a manifest), runtime-default[:containerd-1.7|:1.7.13|:crio-1.32|...], bpf:FILE (raw struct
// sock_filter of this machine's byte order), or one of `settings.forms`. Profiles are compiled as
// `settings.runtime` does. kNotFound: nothing by that name; kInvalidArgument: it is there but
// refused, with the first error.
[[nodiscard]] base::Result<Target> ResolveTarget(std::string_view text,
                                                 const TargetSettings& settings);

// The target that a profile makes: compiled for `settings.node`.
[[nodiscard]] base::Result<Target> TargetOfProfile(std::string name, seccomp::Profile profile,
                                                   const TargetSettings& settings);

// Help text for the TARGET argument.
inline constexpr std::string_view kTargetHelp =
    "a profile or manifest FILE, FILE#KEY, - (stdin), runtime-default[:VERSION], bpf:FILE, pid:N, "
    "cri:ID, [NS/]POD (with -c CONTAINER) or self";

}  // namespace seccompd::agent
