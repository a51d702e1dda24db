// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace seccompd::agent {

// Names this binary and the libseccomp it runs with: what another one computed may differ. 16 hex
// digits; "" if the binary carries no build ID, and then nothing computed before is trusted.
[[nodiscard]] std::string BuildKey();

}  // namespace seccompd::agent
