// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/seccomp/diagnose_rules.h"
#include "common/seccomp/profile_reader.h"
#include "common/seccomp/profile_text.h"

namespace seccompd::seccomp {

std::string Listed(const std::vector<std::string_view>& names) {
  constexpr std::size_t kMax = 12;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMax); ++i) {
    if (i > 0) out += ", ";
    out += names[i];
  }
  if (names.size() > kMax) out += fmt::format(" and {} more", names.size() - kMax);
  return out;
}

namespace {

void DiagnoseInto(const Profile& profile, const SyscallTable& table, const NodeFacts& node,
                  DiagnosticSink& sink) {
  const RuleIndex index(profile);
  DiagnoseWhole(profile, index, node, sink);
  DiagnoseRulePairs(index, sink);
  DiagnoseConditions(profile, index, node, sink);
  DiagnoseNames(profile, table, node, sink);
}

}  // namespace

std::vector<Diagnostic> Diagnose(const Profile& profile, const SyscallTable& table,
                                 const NodeFacts& node) {
  DiagnosticSink sink;
  DiagnoseInto(profile, table, node, sink);
  return sink.Take();
}

ParsedProfile CheckProfile(const document::Node& document, const SyscallTable& table,
                           const NodeFacts& node, const ProfileLimits& limits) {
  DiagnosticSink sink = SinkFor(document);
  ParsedProfile out;
  out.profile = ReadProfile(document, limits, &node, sink);
  if (out.profile) {
    DiagnoseInto(*out.profile, table, node, sink);
    std::erase_if(out.profile->syscalls, [](const SyscallRule& r) { return r.names.empty(); });
  }
  if (sink.HasErrors()) out.profile.reset();
  out.diagnostics = sink.Take();
  return out;
}

ParsedProfile CheckProfile(std::string_view text, const SyscallTable& table, const NodeFacts& node,
                           const ProfileLimits& limits) {
  auto root = ReadProfileText(text, limits);
  if (root) return CheckProfile(*root, table, node, limits);
  ParsedProfile out;
  out.diagnostics.push_back(std::move(root).error());
  return out;
}

}  // namespace seccompd::seccomp
