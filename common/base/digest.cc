// SPDX-License-Identifier: Apache-2.0
#include "common/base/digest.h"

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
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL's byte type
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.bytes.data());
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
