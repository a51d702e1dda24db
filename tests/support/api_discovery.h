// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tests/support/api_state.h"

namespace seccompd::test_support {

// What kubectl asks before it asks for anything else: /version, /api, /apis, the resources of a
// group version, and of OpenAPI v3 just that writes take `fieldValidation`. Nothing for another
// path.
[[nodiscard]] std::optional<ApiResponse> HandleDiscovery(const ApiRequest& request);

}  // namespace seccompd::test_support
