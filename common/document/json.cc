// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/document/tree_builder.h"

namespace seccompd::document {
namespace {

namespace json = boost::json;
using ErrorCode = boost::json::error_code;

// Walks the text in step with the parser's events, because those carry no position. It only ever
// reads what the parser has already accepted, so it may assume well-formed tokens.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  // Skips to the next token and returns its place.
  Position Next() {
    while (at_ < text_.size() && IsFiller(text_[at_])) {
      if (text_[at_] == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
      ++at_;
    }
    return {.line = line_, .column = at_ - line_start_ + 1};
  }
  void SkipBracket() { ++at_; }
  void SkipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }
  // A number, true, false or null: its spelling.
  std::string_view TakeLiteral() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

 private:
  static bool IsFiller(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':';
  }
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
};

// Boost.JSON's SAX handler; false stops the parser.
class Handler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): Boost.JSON gives these names.
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  // NOLINTEND(readability-identifier-naming)

  Handler(std::string_view text, const Limits& limits) : cursor_(text), builder_(limits) {}

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode& ec) { return Begin(Kind::kArray, ec); }
  bool on_array_end(std::size_t, ErrorCode&) { return End(); }
  bool on_object_begin(ErrorCode& ec) { return Begin(Kind::kObject, ec); }
  bool on_object_end(std::size_t, ErrorCode&) { return End(); }
  bool on_string_part(json::string_view part, std::size_t, ErrorCode&) { return Part(part); }
  bool on_key_part(json::string_view part, std::size_t, ErrorCode&) { return Part(part); }
  bool on_string(json::string_view last, std::size_t, ErrorCode& ec) {
    const Position at = cursor_.Next();
    cursor_.SkipString();
    return Scalar(Kind::kString, at, TakeText(last), ec);
  }
  bool on_key(json::string_view last, std::size_t, ErrorCode&) {
    cursor_.Next();
    cursor_.SkipString();
    builder_.Key(TakeText(last));
    return true;
  }
  bool on_number_part(json::string_view, ErrorCode&) { return true; }
  bool on_int64(std::int64_t, json::string_view, ErrorCode& ec) {
    return Literal(Kind::kNumber, ec);
  }
  bool on_uint64(std::uint64_t, json::string_view, ErrorCode& ec) {
    return Literal(Kind::kNumber, ec);
  }
  bool on_double(double, json::string_view, ErrorCode& ec) { return Literal(Kind::kNumber, ec); }
  bool on_bool(bool, ErrorCode& ec) { return Literal(Kind::kBool, ec); }
  bool on_null(ErrorCode& ec) {
    const Position at = cursor_.Next();
    cursor_.TakeLiteral();
    return Scalar(Kind::kNull, at, {}, ec);
  }
  bool on_comment_part(json::string_view, ErrorCode&) { return true; }
  bool on_comment(json::string_view, ErrorCode&) { return true; }

  TreeBuilder& builder() { return builder_; }

 private:
  bool Begin(Kind kind, ErrorCode& ec) {
    const Position at = cursor_.Next();
    cursor_.SkipBracket();
    return Checked(builder_.Open(kind, at), ec);
  }
  bool End() {
    cursor_.Next();
    cursor_.SkipBracket();
    builder_.Close();
    return true;
  }
  bool Part(json::string_view part) {
    parts_.append(part.data(), part.size());
    return true;
  }
  std::string TakeText(json::string_view last) {
    std::string text = std::exchange(parts_, {});
    text.append(last.data(), last.size());
    return text;
  }
  bool Literal(Kind kind, ErrorCode& ec) {
    const Position at = cursor_.Next();
    return Scalar(kind, at, std::string(cursor_.TakeLiteral()), ec);
  }
  bool Scalar(Kind kind, Position at, std::string text, ErrorCode& ec) {
    Node node;
    node.kind = kind;
    node.scalar = std::move(text);
    node.line = at.line;
    node.column = at.column;
    return Checked(builder_.Add(std::move(node)), ec);
  }
  static bool Checked(bool ok, ErrorCode& ec) {
    if (!ok) ec = json::error::exception;  // any code stops the parser; the builder has the reason
    return ok;
  }

  Cursor cursor_;
  TreeBuilder builder_;
  std::string parts_;
};

// What a person did wrong at `offset`, for the mistakes people make.
std::string Explain(std::string_view text, std::size_t offset) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "the text is empty";
  if (offset >= text.size()) return "the text ends before the JSON value does";
  const char c = text[offset];
  const std::size_t previous = text.substr(0, offset).find_last_not_of(" \t\r\n");
  const bool after_comma = previous != std::string_view::npos && text[previous] == ',';
  if ((c == '}' || c == ']') && after_comma) return "a comma before the closing bracket; remove it";
  if (c == '/' || c == '#') return "comments are not JSON; remove them, or write YAML";
  if (c == '\'') return "a single quote; JSON strings and keys need double quotes";
  if (c == '"') return "unexpected string; is a comma or a colon missing before it?";
  if (static_cast<unsigned char>(c) < 0x20) {
    return "a control character or line break inside a string; write it as \\n or \\u00XX";
  }
  return "unexpected " + base::Printable(std::string(1, c));
}

}  // namespace

base::Result<Node> ParseJson(std::string_view text, const Limits& limits, Position* error_at) {
  if (auto error = CheckText(text, limits, error_at)) return base::Fail(*std::move(error));
  json::parse_options options;
  options.max_depth = limits.depth + 1;  // the builder counts, and says it better
  json::basic_parser<Handler> parser(options, text, limits);
  ErrorCode ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  TreeBuilder& builder = parser.handler().builder();
  if (builder.Failure()) {
    if (error_at != nullptr) *error_at = builder.FailedAt();
    return base::Fail(*builder.Failure());
  }
  if (!ec && used == text.size()) {
    if (auto root = builder.TakeRoot()) return *std::move(root);
  }
  const Position at = PositionOf(text, used);
  if (error_at != nullptr) *error_at = at;
  const std::string message =
      ec ? Explain(text, used) : std::string("text after the end of the JSON value");
  return base::Fail(ErrorAt(base::ErrorCode::kInvalidArgument, at, message));
}

}  // namespace seccompd::document
