// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "common/document/document.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/parse.h"

namespace seccompd::seccomp {

// The one document of a profile's text (a null node if there is none), or why it cannot be read.
// Internal to seccomp/.
[[nodiscard]] tl::expected<document::Node, Diagnostic> ReadProfileText(std::string_view text,
                                                                       const ProfileLimits& limits);

// Why a document that says nothing is no profile: a runtime would load no filter. Internal.
void ReportEmpty(const document::Node& root, DiagnosticSink& sink);

}  // namespace seccompd::seccomp
