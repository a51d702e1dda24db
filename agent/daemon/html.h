// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace seccompd::agent::html {

// Pieces of a page. Text from outside goes through Text() alone: made printable, then escaped for
// element content and quoted attributes, so that nothing in it is ever markup.
[[nodiscard]] std::string Text(std::string_view text);

// One cell of a table; `tone` is one of "", "good", "warn", "bad": a class, never text from
// outside.
struct Cell {
  std::string text;
  std::string_view tone = {};
};
using Row = std::vector<Cell>;

// A table that turns into stacked cards on a narrow screen: each cell carries its column's title.
[[nodiscard]] std::string Table(const std::vector<std::string_view>& titles,
                                const std::vector<Row>& rows);

// Facts as a definition list.
[[nodiscard]] std::string Facts(const std::vector<std::pair<std::string_view, Cell>>& facts);

// A whole document, its style included: no script, no image, nothing fetched from elsewhere.
[[nodiscard]] std::string Document(std::string_view title, std::string_view body);

// What a browser may do with it (Content-Security-Policy): show it.
inline constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace seccompd::agent::html
