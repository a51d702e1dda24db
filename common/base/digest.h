// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace seccompd::base {

// SHA-256 (FIPS 180-4) of exactly the bytes given: hash canonical or length-delimited bytes only.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;  // NOLINT(modernize-use-nullptr): no pointer
  [[nodiscard]] std::string Hex() const;            // 64 lower-case digits
  [[nodiscard]] std::string ShortHex() const;       // the first 12, for people
};

Digest Sha256(std::string_view bytes);

// 64 hex digits; nullopt for anything else.
std::optional<Digest> ParseDigest(std::string_view hex);

}  // namespace seccompd::base
