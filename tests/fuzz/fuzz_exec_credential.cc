// SPDX-License-Identifier: Apache-2.0
// What a credential plugin prints: no crash, and nothing accepted that could not authenticate.
#include <cstdlib>

#include "common/kube/auth_exec.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::kube;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto credential = ParseExecCredential(text, "client.authentication.k8s.io/v1");
  if (!credential) {
    if (credential.error().message.empty()) std::abort();
    return 0;
  }
  if (credential->token.empty() && credential->client_cert_pem.empty()) std::abort();
  if (credential->client_cert_pem.empty() != credential->client_key_pem.empty()) std::abort();
  return 0;
}
