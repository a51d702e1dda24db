// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/bpf/program.h"
#include "common/install/desired.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::install {

// What would land on disk for one text.
struct Prepared {
  std::string bytes;    // canonical OCI JSON; empty when a diagnostic is an error
  base::Digest digest;  // of bytes
  // What the filter decides, whatever the agent and libseccomp that built it: bpf's fingerprint,
  // with flags and listener mixed in where the profile names them.
  base::Digest meaning;
  base::Digest base{};   // of the rendering that it extends; zero: none
  base::Digest floor{};  // of the floor that it was compared with; zero: none
  std::vector<seccomp::Diagnostic> diagnostics;

  [[nodiscard]] bool valid() const { return !bytes.empty(); }
  bool operator==(const Prepared&) const = default;
};

struct ProfileFloor;  // common/install/floor.h

// parse -> diagnose -> render -> compile for this node. `compile` is bpf::Compile bound to the
// arch.
struct Preparer {
  std::function<base::Result<bpf::Program>(const seccomp::Profile&)> compile;
  const seccomp::SyscallTable* table = nullptr;  // borrowed
  seccomp::NodeFacts node;
  // What the filter of these bytes means, if this very build has computed it before (the ledger);
  // then nothing is compiled. Empty: nothing is known.
  std::function<std::optional<base::Digest>(const base::Digest&)> known_meaning{};
  std::string runtime;  // "containerd://1.7.13", whose default a bare `runtime-default` is; ""
  // policy.floor, which no tenant's profile may go below: none, runtime-default[:VERSION] or the
  // path of a profile of a trusted namespace. One that cannot be had refuses every tenant's.
  std::string floor = "none";
};

// What a source says about a profile besides its text.
struct ProfileRequest {
  std::string_view text;
  std::string_view capabilities{};         // seccompd.io/capabilities; "": the preparer's
  bool tenant = false;                     // no NOTIFY, no listenerPath
  const seccomp::Profile* base = nullptr;  // what it extends; null: nothing
  const ProfileFloor* floor = nullptr;     // what it may not go below; null: nothing
};

// The node as containers with these capabilities (the annotation, "": those of `node`) see it.
[[nodiscard]] base::Result<seccomp::NodeFacts> NodeFor(std::string_view capabilities,
                                                       seccomp::NodeFacts node);

[[nodiscard]] Prepared PrepareProfile(const ProfileRequest& request, const Preparer& preparer);

// One path as the installer wants it.
struct DesiredFile {
  Claim claim;
  Prepared prepared;  // not valid(): last good stays in force
  std::string note;   // why it is not installable, or that it weakens: one line

  bool operator==(const DesiredFile&) const = default;
};

struct Desired {
  std::vector<DesiredFile> files;  // sorted by path
  std::vector<Remark> remarks;
  std::set<std::string> held_owners;
  // Namespaces that cannot be read, or were not yet: what their ConfigMaps own is neither given up
  // nor given to another ConfigMap.
  std::set<std::string, std::less<>> held_namespaces;
  // False while a source is away or unreadable: nothing may be missed, so nothing is orphaned.
  bool complete = true;
  // The caller has confirmed (a second read or a quorum LIST after the delay) that many profiles
  // are really gone; without it a mass removal is held and reported (Report::held_removals).
  bool removal_confirmed = false;

  [[nodiscard]] const DesiredFile* Find(std::string_view path) const;
  // May nothing be concluded from the absence of this owner's ("<namespace>/<name>") claims?
  [[nodiscard]] bool Holds(std::string_view owner) const;
  bool operator==(const Desired&) const = default;
};

// Prepares every claim, and what it extends before it; a claim whose text, capabilities and base
// are those of `previous` is taken over, so that one changed profile costs one compile. `previous`
// may be moved from; complete is true after.
inline constexpr std::size_t kMaxBaseDepth = 8;  // a base of a base of ...
[[nodiscard]] Desired PrepareAll(ClaimSet claims, Desired previous, const Preparer& preparer);

}  // namespace seccompd::install
