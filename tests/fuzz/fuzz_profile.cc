// SPDX-License-Identifier: Apache-2.0
// Profile text: a profile comes exactly without errors, every diagnostic is complete, and
// libseccomp is never given what it cannot build in bounded time.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/bpf/compile.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/fuzz/libseccomp_leaks.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd;
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const seccomp::NodeFacts node{.arch = seccomp::Arch::kX86_64};
  const seccomp::ParsedProfile parsed = seccomp::CheckProfile(text, table, node);
  if (parsed.profile.has_value() == seccomp::HasErrors(parsed.diagnostics)) std::abort();
  if (parsed.diagnostics.size() > seccomp::kMaxDiagnostics + 1) std::abort();
  for (const seccomp::Diagnostic& d : parsed.diagnostics) {
    if (d.message.empty() || d.code.empty()) std::abort();
  }
  if (!parsed.profile) return 0;
  const auto program = bpf::Compile(*parsed.profile, node.arch);
  if (program && (program->empty() || program->size() > bpf::kMaxInstructions)) std::abort();
  if (program && !bpf::CheckCompiles(*parsed.profile, node.arch)) std::abort();
  return 0;
}
