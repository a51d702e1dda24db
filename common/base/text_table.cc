// SPDX-License-Identifier: Apache-2.0
#include "common/base/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace seccompd::base {
namespace {

std::string_view CodeOf(Colour colour) {
  switch (colour) {
    case Colour::kRed:
      return "31";
    case Colour::kGreen:
      return "32";
    case Colour::kYellow:
      return "33";
    case Colour::kCyan:
      return "36";
    case Colour::kBold:
      return "1";
    case Colour::kPlain:
      break;
  }
  return "0";
}

}  // namespace

std::size_t TextWidth(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string Coloured(std::string_view text, Colour colour, bool terminal) {
  if (!terminal || colour == Colour::kPlain) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", CodeOf(colour), text);
}

void TextTable::AddHeader(std::vector<std::string> cells) {
  rows_.push_back({.cells = std::move(cells), .header = true});
}

void TextTable::AddRow(std::vector<std::string> cells, std::size_t coloured, Colour colour) {
  rows_.push_back({.cells = std::move(cells), .coloured = coloured, .colour = colour});
}

std::string TextTable::Render() const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.cells.size()));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], TextWidth(row.cells[i]));
    }
  }
  std::string out;
  for (const Row& row : rows_) {
    std::string line(indent_, ' ');
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const std::string& cell = row.cells[i];
      const Colour colour = row.header          ? Colour::kBold
                            : i == row.coloured ? row.colour
                                                : Colour::kPlain;
      line += Coloured(cell, cell.empty() ? Colour::kPlain : colour, terminal_);
      const bool last = std::all_of(row.cells.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                    row.cells.end(), [](const auto& c) { return c.empty(); });
      if (last) break;
      line.append(widths[i] - TextWidth(cell) + 2, ' ');
    }
    out += line + "\n";
  }
  return out;
}

std::string Wrapped(std::span<const std::string> words, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  for (const std::string& word : words) {
    const std::size_t size = TextWidth(word);
    if (column != 0 && column + 1 + size > width) {
      out += '\n';
      column = 0;
    }
    out.append(column == 0 ? indent : 1, ' ');
    column += (column == 0 ? indent : 1) + size;
    out += word;
  }
  return out.empty() ? out : out + "\n";
}

std::string Counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace seccompd::base
