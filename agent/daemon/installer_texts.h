// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "common/audit/expectation.h"
#include "common/install/installer.h"

namespace seccompd::agent {

// Texts of revisions and files as the running agent's installer has them; null while the seccomp
// root is lost, and then every text is an error.
[[nodiscard]] audit::ProfileTexts TextsOf(
    const std::function<const install::Installer*()>& installer);

}  // namespace seccompd::agent
