// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

namespace seccompd::test_support {

// The sum of the samples of that name which carry at least the labels given, for example
// `seccompd_profiles{state="installed"}`; nullopt if there is no such series.
[[nodiscard]] std::optional<double> FindSample(std::string_view exposition,
                                               std::string_view series);

// Polls every 20 ms until `condition` holds or `timeout` has passed; says which.
[[nodiscard]] bool WaitFor(std::chrono::milliseconds timeout,
                           const std::function<bool()>& condition);

}  // namespace seccompd::test_support
