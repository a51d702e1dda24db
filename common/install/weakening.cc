// SPDX-License-Identifier: Apache-2.0
#include "common/install/weakening.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/bpf/compare.h"
#include "common/bpf/condition.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/parse.h"

namespace seccompd::install {
namespace {

base::Result<bpf::Diagram> Decide(bpf::Workspace& workspace, std::string_view bytes,
                                  const Preparer& preparer) {
  const seccomp::ParsedProfile parsed = seccomp::ParseProfile(bytes);
  if (!parsed.profile) {
    return base::Fail(base::ErrorCode::kInvalidArgument, "the revision in force cannot be read");
  }
  TRY_ASSIGN(const bpf::Program program, preparer.compile(*parsed.profile));
  return workspace.Decide(program);
}

// "x86_64 socket (low32(arg0) == 38)".
std::string Example(const bpf::Difference& difference, const Preparer& preparer) {
  const bpf::SeccompData& call = difference.witness;
  std::vector<seccomp::Arch> archs{preparer.node.arch};
  for (const seccomp::Arch arch : seccomp::CompatArchs(preparer.node.arch)) archs.push_back(arch);
  std::string shown = "call " + std::to_string(call.nr);
  for (const seccomp::Arch arch : archs) {
    if (seccomp::AuditArch(arch) != call.arch) continue;
    const auto name = preparer.table->Name(arch, static_cast<std::int32_t>(call.nr));
    if (name.empty()) continue;
    shown = std::string(seccomp::DisplayName(arch)) + " " + std::string(name);
    break;
  }
  if (difference.condition.Always()) return shown;
  return shown + " where " + bpf::ToText(difference.condition);
}

bool Mentions(const Prepared& prepared, std::string_view code) {
  return std::any_of(prepared.diagnostics.begin(), prepared.diagnostics.end(),
                     [code](const seccomp::Diagnostic& d) { return d.code == code; });
}

}  // namespace

std::optional<WeakeningPolicy> WeakeningPolicyFrom(std::string_view name) {
  if (name == "allow") return WeakeningPolicy::kAllow;
  if (name == "warn") return WeakeningPolicy::kWarn;
  if (name == "reject") return WeakeningPolicy::kReject;
  return std::nullopt;
}

base::Result<std::string> WhatItWeakens(std::string_view old_bytes, std::string_view new_bytes,
                                        const Preparer& preparer) {
  bpf::Workspace workspace;
  TRY_ASSIGN(const bpf::Diagram before, Decide(workspace, old_bytes, preparer));
  TRY_ASSIGN(const bpf::Diagram after, Decide(workspace, new_bytes, preparer));
  if (before == after) return std::string();
  constexpr std::size_t kMaxListed = 4096;  // to find one that is weaker
  bpf::CompareOptions options;
  options.max_differences = kMaxListed;
  options.max_terms = 4;
  TRY_ASSIGN(const bpf::Comparison found, bpf::Compare(workspace, before, after, options));
  if (found.weaker == 0) return std::string();
  const auto weaker =
      std::find_if(found.differences.begin(), found.differences.end(),
                   [](const bpf::Difference& d) { return d.direction == bpf::Direction::kWeaker; });
  if (weaker == found.differences.end()) return std::string("permits more");
  std::string text = "permits " + Example(*weaker, preparer);
  if (found.weaker > 1) text += " and " + std::to_string(found.weaker - 1) + " more";
  return text;
}

std::vector<Weakening> WeighUpdates(
    Desired& desired, const LedgerState& ledger,
    const std::function<base::Result<std::string>(const Revision&)>& read, const Preparer& preparer,
    WeakeningPolicy policy) {
  std::vector<Weakening> found;
  if (policy == WeakeningPolicy::kAllow) return found;
  for (DesiredFile& file : desired.files) {
    const OwnedPath* owned = ledger.Find(file.claim.path);
    const Revision* in_force = owned != nullptr ? owned->InForce() : nullptr;
    Prepared& prepared = file.prepared;
    if (in_force == nullptr || !prepared.valid() || prepared.meaning == in_force->meaning ||
        Mentions(prepared, seccomp::codes::kWeakens)) {
      continue;
    }
    const auto bytes = read(*in_force);
    const auto text = bytes ? WhatItWeakens(*bytes, prepared.bytes, preparer)
                            : base::Result<std::string>(base::Fail(bytes.error()));
    if (text && text->empty()) continue;
    Weakening weakening{.path = file.claim.path,
                        .revision = in_force->number,
                        .text = text ? *text : "cannot be compared: " + text.error().message,
                        .refused = policy == WeakeningPolicy::kReject};
    const std::string message =
        "the update " + weakening.text + ", unlike r" + std::to_string(in_force->number);
    prepared.diagnostics.push_back(
        {.code = weakening.refused ? seccomp::codes::kWeakeningRefused : seccomp::codes::kWeakens,
         .severity = weakening.refused ? seccomp::Severity::kError : seccomp::Severity::kWarning,
         .pointer = "",
         .message = message + (weakening.refused ? "; --weakening reject keeps that one" : "")});
    if (weakening.refused) prepared.bytes.clear();
    file.note =
        std::string(prepared.diagnostics.back().code) + ": " + prepared.diagnostics.back().message;
    found.push_back(std::move(weakening));
  }
  return found;
}

}  // namespace seccompd::install
