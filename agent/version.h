// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace seccompd::agent {

// What `seccompd version` says of the machine it runs on.
struct KernelSupport {
  std::string release;          // uname -r
  bool seccomp_filter = false;  // /proc/self/status has "Seccomp:"
  bool filter_count = false;    // and "Seccomp_filters:" (Linux 5.9)
  int landlock_abi = 0;         // 0: none
  // Why evidence level `filter` is not to be had by this process, "" if it is; absent: not tried.
  std::optional<std::string> no_filter_evidence = {};
};
KernelSupport ReadKernelSupport();

// Tries it: loads the iterators and lets them go again.
void TryFilterEvidence(KernelSupport* kernel);

// "6.1.0-18-amd64" -> {6, 1}; nullopt without two leading numbers.
std::optional<std::pair<std::uint32_t, std::uint32_t>> ParseKernelVersion(std::string_view release);

// "0.1.0", the commit it was built from ("unknown" outside a checkout), "GNU 12.2.0".
std::string AgentVersion();
std::string AgentRevision();
std::string AgentCompiler();

// Build and library versions and kernel support for each evidence level, as text or JSON.
int Version(bool json, const KernelSupport& kernel, std::ostream& out);

}  // namespace seccompd::agent
