// SPDX-License-Identifier: Apache-2.0
// A kubeconfig, alone and behind another one: an error says something and shows no control
// character.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/base/strings.h"
#include "common/kube/kubeconfig.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd;
  const std::string text(data, data + size);
  const std::array<kube::KubeconfigText, 2> texts = {{{"/a/config", text}, {"/b/config", text}}};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}}) {
    const auto config = kube::ParseKubeconfig(std::span(texts).first(count));
    if (config) continue;
    const std::string& message = config.error().message;
    if (message.empty() || base::Printable(message) != message) std::abort();
  }
  const auto bytes = kube::DecodeBase64(text);
  if (bytes && bytes->size() > text.size()) std::abort();
  return 0;
}
