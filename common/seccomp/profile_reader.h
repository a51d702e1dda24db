// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/document/document.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// The profile that a document holds; nullopt after an error. With a node Docker's fields are
// resolved for it, and a rule that does not count there keeps its index but has no names; without
// one they are errors. Internal to seccomp/.
// With a base, what the document does not say is the base's.
[[nodiscard]] std::optional<Profile> ReadProfile(const document::Node& root,
                                                 const ProfileLimits& limits, const NodeFacts* node,
                                                 DiagnosticSink& sink,
                                                 const Profile* base = nullptr);

// What a profile that extends `base` takes from it, and where it contradicts it. Internal.
struct Given {
  bool default_action = false;
  bool architectures = false;
};
void TakeFromBase(const Profile& base, const Given& given, Profile& profile, DiagnosticSink& sink);

// A sink that looks places up in the document, which it borrows.
DiagnosticSink SinkFor(const document::Node& root);

}  // namespace seccompd::seccomp
