// SPDX-License-Identifier: Apache-2.0
// An extending profile's text against what its base says of the whole.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/seccomp/diagnose_rules.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/object_reader.h"
#include "common/seccomp/profile_reader.h"
#include "common/seccomp/profile_text.h"

namespace seccompd::seccomp {

void TakeFromBase(const Profile& base, const Given& given, Profile& profile, DiagnosticSink& sink) {
  const Action usual = EffectiveAction(base.default_action, base.default_errno_ret);
  if (given.default_action &&
      EffectiveAction(profile.default_action, profile.default_errno_ret) != usual) {
    sink.Add(codes::kContradictsBase, "/defaultAction",
             fmt::format("what no rule names is the base's to decide, with {} by default; remove "
                         "the default action here",
                         DisplayName(usual)));
  }
  profile.default_action = base.default_action;
  profile.default_errno_ret = base.default_errno_ret;
  const std::set<Arch> listed(profile.architectures.begin(), profile.architectures.end());
  const std::set<Arch> wanted(base.architectures.begin(), base.architectures.end());
  if (given.architectures && listed != wanted) {
    sink.Add(codes::kContradictsBase, "/architectures",
             "the architectures decide calls that no rule names, and these are not the base's; "
             "remove them here");
  }
  profile.architectures = base.architectures;
  if (!profile.flags) profile.flags = base.flags;
  if (!profile.listener_path.empty() && !base.listener_path.empty() &&
      profile.listener_path != base.listener_path) {
    sink.Add(codes::kContradictsBase, "/listenerPath",
             "the base has another listenerPath, and a filter can have one only; remove it here");
  }
  if (profile.listener_path.empty()) profile.listener_path = base.listener_path;
  if (profile.listener_metadata.empty()) profile.listener_metadata = base.listener_metadata;
}

ParsedProfile CheckExtension(const document::Node& document, const Profile& base,
                             const SyscallTable& table, const NodeFacts& node,
                             const ProfileLimits& limits) {
  DiagnosticSink sink = SinkFor(document);
  ParsedProfile out;
  out.profile = ReadProfile(document, limits, &node, sink, &base);
  if (out.profile) {
    DiagnoseNames(*out.profile, table, node, sink);
    std::erase_if(out.profile->syscalls, [](const SyscallRule& r) { return r.names.empty(); });
  }
  if (sink.HasErrors()) out.profile.reset();
  out.diagnostics = sink.Take();
  return out;
}

ParsedProfile CheckExtension(std::string_view text, const Profile& base, const SyscallTable& table,
                             const NodeFacts& node, const ProfileLimits& limits) {
  auto root = ReadProfileText(text, limits);
  if (root) return CheckExtension(*root, base, table, node, limits);
  ParsedProfile out;
  out.diagnostics.push_back(std::move(root).error());
  return out;
}

}  // namespace seccompd::seccomp
