// SPDX-License-Identifier: Apache-2.0
#include "common/install/prepare.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/strings.h"
#include "common/install/tenant.h"
#include "common/seccomp/render.h"

namespace seccompd::install {
namespace {

// The instructions byte by byte, little endian whatever the node, then what else reaches the kernel
// or the listener: equal digests load alike.
base::Digest MeaningOf(const seccomp::Profile& profile, const bpf::Program& program) {
  std::string bytes;
  bytes.reserve(program.size() * 8);
  const auto put = [&bytes](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  };
  for (const bpf::Instruction& instruction : program) {
    put(instruction.code, 2);
    put(instruction.jt, 1);
    put(instruction.jf, 1);
    put(instruction.k, 4);
  }
  bytes += profile.flags ? "flags" : "default flags";
  if (profile.flags) {
    for (const seccomp::FilterFlag flag : *profile.flags) {
      bytes += " " + std::string(seccomp::OciName(flag));
    }
  }
  bytes += "\n" + profile.listener_path + "\n" + profile.listener_metadata;
  return base::Sha256(bytes);
}

std::string NoteOf(const DesiredFile& file) {
  if (file.claim.error) return *file.claim.error;
  for (const seccomp::Diagnostic& d : file.prepared.diagnostics) {
    if (d.severity != seccomp::Severity::kError) continue;
    return std::string(d.code) + (d.pointer.empty() ? "" : " " + d.pointer) + ": " + d.message;
  }
  return "";
}

void Refuse(Prepared& prepared, std::string_view code, std::string message,
            std::string pointer = "") {
  prepared.diagnostics.push_back({.code = code,
                                  .severity = seccomp::Severity::kError,
                                  .pointer = std::move(pointer),
                                  .message = std::move(message)});
}

}  // namespace

base::Result<seccomp::NodeFacts> NodeFor(std::string_view capabilities, seccomp::NodeFacts node) {
  if (capabilities.empty()) return node;
  seccomp::CapabilityList list = seccomp::ParseCapabilities(capabilities);
  if (!list.unknown.empty()) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      std::string(kCapabilitiesAnnotation) + ": no capability '" +
                          base::Printable(list.unknown) + "' is known");
  }
  node.capabilities = std::move(list.names);
  return node;
}

Prepared PrepareProfile(const ProfileRequest& request, const Preparer& preparer) {
  Prepared prepared;
  auto node = NodeFor(request.capabilities, preparer.node);
  if (!node) {
    Refuse(prepared, seccomp::codes::kBadAnnotation, std::move(node).error().message);
    return prepared;
  }
  seccomp::ParsedProfile parsed = seccomp::CheckProfile(request.text, *preparer.table, *node);
  prepared.diagnostics = std::move(parsed.diagnostics);
  if (!parsed.profile) return prepared;
  if (request.tenant) {
    auto refused = TenantProblems(*parsed.profile);
    std::move(refused.begin(), refused.end(), std::back_inserter(prepared.diagnostics));
  }
  if (seccomp::HasErrors(prepared.diagnostics)) return prepared;
  auto program = preparer.compile(*parsed.profile);
  if (!program) {
    Refuse(prepared, seccomp::codes::kLibseccompRefuses, program.error().message);
    return prepared;
  }
  prepared.bytes = seccomp::RenderOci(*parsed.profile);
  prepared.digest = base::Sha256(prepared.bytes);
  prepared.meaning = MeaningOf(*parsed.profile, *program);
  return prepared;
}

const DesiredFile* Desired::Find(std::string_view path) const {
  const auto it = std::lower_bound(
      files.begin(), files.end(), path,
      [](const DesiredFile& file, std::string_view wanted) { return file.claim.path < wanted; });
  return it != files.end() && it->claim.path == path ? &*it : nullptr;
}

bool Desired::Holds(std::string_view owner) const {
  const std::size_t slash = owner.find('/');
  return held_owners.contains(std::string(owner)) ||
         (slash != std::string_view::npos && held_namespaces.contains(owner.substr(0, slash)));
}

Desired PrepareAll(ClaimSet claims, Desired previous, const Preparer& preparer) {
  Desired desired;
  desired.remarks = std::move(claims.remarks);
  desired.held_owners = std::move(claims.held_owners);
  desired.files.reserve(claims.claims.size());
  auto old = previous.files.begin();
  for (Claim& claim : claims.claims) {
    while (old != previous.files.end() && old->claim.path < claim.path) ++old;
    DesiredFile file;
    file.claim = std::move(claim);
    const bool same = old != previous.files.end() && old->claim.path == file.claim.path &&
                      !old->claim.error && !file.claim.error &&
                      old->claim.text == file.claim.text &&
                      old->claim.capabilities == file.claim.capabilities &&
                      old->claim.tenant == file.claim.tenant;
    if (same) {
      file.prepared = std::move(old->prepared);
    } else if (!file.claim.error) {
      file.prepared = PrepareProfile({.text = file.claim.text,
                                      .capabilities = file.claim.capabilities,
                                      .tenant = file.claim.tenant},
                                     preparer);
    }
    file.note = NoteOf(file);
    desired.files.push_back(std::move(file));
  }
  return desired;
}

}  // namespace seccompd::install
