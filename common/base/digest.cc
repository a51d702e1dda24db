// SPDX-License-Identifier: Apache-2.0
#include "common/base/digest.h"

// The block functions, not SHA256(): that one starts all of OpenSSL (providers, names, its
// configuration file), 1.5 MiB and 2 ms in processes that need nothing else of it.
#define OPENSSL_SUPPRESS_DEPRECATED  // for these three
#include <openssl/sha.h>

#include <algorithm>

#include "common/base/strings.h"

namespace seccompd::base {
namespace {
constexpr std::size_t kShortDigits = 12;
}

std::string Digest::Hex() const { return HexEncode(bytes); }
std::string Digest::ShortHex() const { return Hex().substr(0, kShortDigits); }

Digest Sha256(std::string_view bytes) {
  Digest digest;
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, bytes.data(), bytes.size());
  SHA256_Final(digest.bytes.data(), &state);
  return digest;
}

std::optional<Digest> ParseDigest(std::string_view hex) {
  const auto bytes = HexDecode(hex);
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

}  // namespace seccompd::base
