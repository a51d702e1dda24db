// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Text for people, in columns.
namespace seccompd::base {

// SGR colours for terminals; kPlain is none.
enum class Colour : std::uint8_t { kPlain, kRed, kGreen, kYellow, kCyan, kBold };
std::string Coloured(std::string_view text, Colour colour, bool terminal);

// Characters of UTF-8, not bytes: cells hold names that people chose.
std::size_t TextWidth(std::string_view text);

// Lines of columns, each as wide as its widest cell; the last one is not padded.
class TextTable {
 public:
  // `terminal`: colours are wanted. `indent`: spaces before each line.
  explicit TextTable(bool terminal, std::size_t indent = 0)
      : terminal_(terminal), indent_(indent) {}

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
  std::size_t indent_;
  std::vector<Row> rows_;
};

// Words, `indent` spaces before each line, broken before `width` columns.
std::string Wrapped(std::span<const std::string> words, std::size_t indent,
                    std::size_t width = 100);

// "1 call", "2 calls".
std::string Counted(std::size_t count, std::string_view what);

}  // namespace seccompd::base
