// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seccompd::agent {

// SGR colours for terminals; kPlain is none.
enum class Colour : std::uint8_t { kPlain, kRed, kGreen, kYellow, kCyan, kBold };
std::string Coloured(std::string_view text, Colour colour, bool terminal);

// Lines of columns, each as wide as its widest cell; the last one is not padded.
class Table {
 public:
  // `terminal`: colours are wanted.
  explicit Table(bool terminal) : terminal_(terminal) {}

  void AddHeader(std::vector<std::string> cells);
  // Colours the cell `coloured`.
  void AddRow(std::vector<std::string> cells, std::size_t coloured = 0,
              Colour colour = Colour::kPlain);
  [[nodiscard]] std::string Render() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::size_t coloured = 0;
    Colour colour = Colour::kPlain;
    bool header = false;
  };
  bool terminal_;
  std::vector<Row> rows_;
};

// Words, `indent` spaces before each line, broken before `width` columns.
std::string Wrapped(std::span<const std::string> words, std::size_t indent,
                    std::size_t width = 100);

// "1 call", "2 calls".
std::string Counted(std::size_t count, std::string_view what);

}  // namespace seccompd::agent
