// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/bpf/program.h"

namespace seccompd::bpf::testing {

// The path of a file in tests/data/filters.
std::string FilterPath(std::string_view file);

// tests/data/filters/<name>.bpf; empty if it cannot be read.
Program RecordedFilter(std::string_view name);

// One section of runc's stub: numbers above the last one get ENOSYS. x32 shares x86_64's section.
struct StubSection {
  std::uint32_t arch = 0;
  std::uint32_t last_nr = 0;
  std::optional<std::uint32_t> last_x32_nr;
};

// The filter behind runc's ENOSYS stub (libcontainer/seccomp/patchbpf), sections in the given
// order: runc takes them from a Go map, so each start has another.
Program WithEnosysStub(const Program& filter, std::span<const StubSection> sections);

}  // namespace seccompd::bpf::testing
