// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seccompd::base {

// The whole of `text` as a number in base 10 (or `base`): no sign for unsigned types, no spaces, no
// trailing bytes, no overflow; otherwise nullopt.
template <std::integral T>
std::optional<T> ParseInt(std::string_view text, int base = 10) {
  T value{};
  const char* end = text.data() + text.size();
  auto [ptr, ec] = std::from_chars(text.data(), end, value, base);
  if (ec != std::errc{} || ptr != end || text.empty()) return std::nullopt;
  return value;
}

// Pieces between separators; "" gives one empty piece, like strings.Split of Go.
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view TrimSpace(std::string_view text);
std::string Join(std::span<const std::string> pieces, std::string_view separator);

std::string HexEncode(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> HexDecode(std::string_view text);

// Bytes that could steer a terminal, a log reader or a table become \xNN, so that a name chosen by
// an attacker is shown, never obeyed. Valid UTF-8 above U+009F stays, except bidi and line
// controls.
std::string Printable(std::string_view text);

// One reference token of a JSON pointer: '~' -> "~0", '/' -> "~1" (RFC 6901).
std::string EscapePointerToken(std::string_view token);

// Text as the inside of a JSON string (RFC 8259); invalid UTF-8 becomes U+FFFD, and what
// Printable() would not show is escaped: the value stays, a terminal that shows the JSON obeys
// nothing.
std::string EscapeJson(std::string_view text);

bool IsValidUtf8(std::string_view text);

// The candidate with the least edit distance to `word`, if that is at most `max_distance`; ties go
// to the first. For "did you mean".
std::optional<std::string_view> Nearest(std::string_view word,
                                        std::span<const std::string_view> candidates,
                                        std::size_t max_distance = 2);

}  // namespace seccompd::base
