// SPDX-License-Identifier: Apache-2.0
// The config.json of a bundle, of which a runtime's mistake or a hostile image may have made
// anything: no crash, and what is not an OCI configuration is none.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/audit/profile_texts.h"
#include "common/document/document.h"
#include "common/seccomp/render.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto told = seccompd::agent::ParseBundle(text);
  const auto config = seccompd::document::ParseJson(text);
  if (told && (!config || config->Find("ociVersion") == nullptr)) std::abort();
  if (!told || !told->profile) return 0;
  // What was kept means itself: rendered and read again it is the same.
  const std::string rendered = seccompd::seccomp::RenderOci(*told->profile);
  const auto again =
      seccompd::agent::ParseBundle(R"({"ociVersion":"1","linux":{"seccomp":)" + rendered + "}}");
  if (!again || again->digest != told->digest) std::abort();
  return 0;
}
