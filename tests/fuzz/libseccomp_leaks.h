// SPDX-License-Identifier: Apache-2.0
#pragma once

// libseccomp 2.5 forgets nodes of its own where conditions of one call meet (0.8 KB a profile). In
// the agent that ends with the compile child; here it would hide leaks of ours.
// NOLINTNEXTLINE(bugprone-reserved-identifier): LeakSanitizer's name
extern "C" __attribute__((used)) inline const char* __lsan_default_suppressions() {
  return "leak:libseccomp.so\n";
}
