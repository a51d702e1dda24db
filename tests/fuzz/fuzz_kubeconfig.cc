// SPDX-License-Identifier: Apache-2.0
// A kubeconfig, and base64 beside it: no crash, an error says something, what is accepted is
// usable.
#include <cstdlib>

#include "common/kube/kubeconfig.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::kube;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bytes = DecodeBase64(text);
  if (bytes && bytes->size() > text.size()) std::abort();
  const KubeconfigText file{.path = "/home/me/.kube/config", .text = std::string(text)};
  const auto config = ParseKubeconfig({&file, 1});
  if (!config) {
    if (config.error().message.empty()) std::abort();
    return 0;
  }
  if (config->server.host.empty()) std::abort();
  for (const std::string* path : {&config->ca.file, &config->user.token_file,
                                  &config->user.client_cert.file, &config->user.client_key.file}) {
    if (!path->empty() && path->front() != '/') std::abort();
  }
  if (config->user.exec && config->user.exec->command.empty()) std::abort();
  return 0;
}
