// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/document/tree_builder.h"

namespace seccompd::document {
namespace {

using base::ErrorCode;

// yaml-cpp's events cannot refuse; this carries a refusal out through its frames and is caught in
// ParseYaml. The reason is in the TreeBuilder.
struct Refused {};

Position PlaceOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {.line = static_cast<std::size_t>(mark.line) + 1,
          .column = static_cast<std::size_t>(mark.column) + 1};
}

// At about 100 bytes a token this bounds yaml-cpp's queue to some 40 MB, whatever the caller's
// limits.
constexpr std::size_t kMaxMarks = 400'000;

// Feeds the text in small pieces and counts the characters that can begin a token since the last
// event: yaml-cpp queues a whole flow collection (about 100 bytes a token) before it reports one.
class CountingBuffer : public std::streambuf {
 public:
  CountingBuffer(std::string_view text, std::size_t max_marks) : text_(text), max_(max_marks) {}

  void EventSeen() { marks_ = 0; }
  [[nodiscard]] bool exceeded() const { return exceeded_; }
  [[nodiscard]] std::size_t offset() const { return given_; }

 protected:
  int_type underflow() override {
    constexpr std::size_t kPiece = 2048;
    if (exceeded_ || given_ == text_.size()) return traits_type::eof();
    const std::string_view piece = text_.substr(given_, kPiece);
    for (const char c : piece) {
      if (IsMark(c)) ++marks_;
    }
    if (marks_ > max_) {
      exceeded_ = true;  // seen as the end of the text; the caller reports the limit
      return traits_type::eof();
    }
    std::copy(piece.begin(), piece.end(), piece_.begin());
    given_ += piece.size();
    setg(piece_.data(), piece_.data(), piece_.data() + piece.size());
    return traits_type::to_int_type(piece_[0]);
  }

 private:
  static bool IsMark(char c) {
    return std::string_view("[]{},:?-.&*!|>'\"%#@`").find(c) != std::string_view::npos;
  }

  std::string_view text_;
  const std::size_t max_;
  std::size_t given_ = 0;
  std::size_t marks_ = 0;
  bool exceeded_ = false;
  std::array<char, 2048> piece_{};
};

bool AllDigits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

bool IsNumber(std::string_view text) {
  constexpr std::string_view kDecimal = "0123456789";
  if (text.starts_with("0x")) return AllDigits(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with("0o")) return AllDigits(text.substr(2), "01234567");
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  const std::size_t whole = std::min(text.find_first_not_of(kDecimal), text.size());
  std::string_view rest = text.substr(whole);
  std::size_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = std::min(rest.find_first_not_of(kDecimal), rest.size());
    rest.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (rest.empty()) return true;
  if (rest[0] != 'e' && rest[0] != 'E') return false;
  rest.remove_prefix(1);
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  return AllDigits(rest, kDecimal);
}

bool IsNull(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// "true" or "false" for a plain boolean of the core schema, else "".
std::string_view BoolOf(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  return {};
}

// A plain scalar as YAML 1.2.2 section 10.3.2 resolves it.
void ResolvePlain(Node& node) {
  if (IsNull(node.scalar)) {
    node.kind = Kind::kNull;
    node.scalar.clear();
  } else if (const std::string_view value = BoolOf(node.scalar); !value.empty()) {
    node.kind = Kind::kBool;
    node.scalar = value;
  } else {
    node.kind = IsNumber(node.scalar) ? Kind::kNumber : Kind::kString;
  }
}

struct Size {
  std::size_t nodes = 1;
  std::size_t height = 1;
  std::size_t bytes = 0;
};

// The depth of a finished tree is bounded by Limits::depth, so this recursion is too.
Size Measure(const Node& node) {
  Size size{.bytes = node.scalar.size()};
  const auto add = [&size](const Node& child) {
    const Size inner = Measure(child);
    size.nodes += inner.nodes;
    size.bytes += inner.bytes;
    size.height = std::max(size.height, inner.height + 1);
  };
  for (const Node& item : node.items) add(item);
  for (const Member& member : node.members) {
    add(member.value);
    size.bytes += member.key.size();
  }
  return size;
}

class Handler : public YAML::EventHandler {
 public:
  Handler(std::string_view text, const Limits& limits, CountingBuffer& buffer)
      : text_(text), limits_(limits), buffer_(buffer), builder_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    buffer_.EventSeen();
    ++documents_;
    anchors_.clear();
    const Position at = PlaceOf(mark);
    if (documents_ > limits_.documents) {
      Refuse(ErrorCode::kResourceExhausted, at, "too many documents in one text");
    }
    // yaml-cpp takes whatever follows a complete value for a new document.
    const auto offset = static_cast<std::size_t>(std::max(mark.pos, 0));
    if (documents_ > 1 && text_.substr(std::min(offset, text_.size()), 3) != "---") {
      Refuse(ErrorCode::kInvalidArgument, at,
             "text after the end of the value; begin another document with ---");
    }
  }
  void OnDocumentEnd() override { buffer_.EventSeen(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Scalar(Node{}, PlaceOf(mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Position at = PlaceOf(mark);
    Node node;
    node.kind = Kind::kString;
    node.scalar = value;
    const bool plain = tag == "?" || tag.empty();
    if (builder_.WantsKey() && plain && value == "<<") {
      Refuse(ErrorCode::kInvalidArgument, at, "merge keys (<<) are not supported; write it out");
    }
    if (builder_.WantsKey()) {
      if (plain && value.empty()) RefuseKey(at);
      if (anchor != YAML::NullAnchor) RefuseAnchor(at);
      if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") RefuseKey(at);
    } else if (plain) {
      ResolvePlain(node);
    } else {
      ResolveTag(node, tag, at);
    }
    Scalar(std::move(node), at, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    buffer_.EventSeen();
    const Position at = PlaceOf(mark);
    if (builder_.WantsKey()) RefuseKey(at);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Refuse(ErrorCode::kInvalidArgument, at, "an alias inside the value that it names");
    }
    const Size size = Measure(found->second);
    alias_bytes_ += size.bytes;
    if (alias_bytes_ > limits_.bytes) {
      Refuse(ErrorCode::kResourceExhausted, at, "the aliases expand to too much text");
    }
    if (!builder_.Add(found->second, size.nodes, size.height)) throw Refused{};
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Kind::kArray, PlaceOf(mark), tag, "tag:yaml.org,2002:seq", anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Kind::kObject, PlaceOf(mark), tag, "tag:yaml.org,2002:map", anchor);
  }
  void OnMapEnd() override { Close(); }

  TreeBuilder& builder() { return builder_; }

 private:
  [[noreturn]] void Refuse(ErrorCode code, Position at, std::string_view message) {
    builder_.Fail(code, at, std::string(message));
    throw Refused{};
  }
  [[noreturn]] void RefuseKey(Position at) {
    Refuse(ErrorCode::kInvalidArgument, at,
           "a key must be a plain or quoted string; is a bracket before it not closed?");
  }
  [[noreturn]] void RefuseAnchor(Position at) {
    Refuse(ErrorCode::kInvalidArgument, at, "an anchor on a key is not supported");
  }

  void ResolveTag(Node& node, const std::string& tag, Position at) {
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag == "!") return;  // quoted
    const std::string_view name =
        tag.starts_with(kCore) ? std::string_view(tag).substr(kCore.size()) : std::string_view();
    if (name == "str") return;
    Node plain = node;
    ResolvePlain(plain);
    const bool fits = (name == "null" && plain.kind == Kind::kNull) ||
                      (name == "bool" && plain.kind == Kind::kBool) ||
                      ((name == "int" || name == "float") && plain.kind == Kind::kNumber);
    if (!fits) {
      Refuse(ErrorCode::kInvalidArgument, at,
             "the tag " + base::Printable(tag) + " is not supported here; remove it");
    }
    node = std::move(plain);
  }

  void Scalar(Node node, Position at, YAML::anchor_t anchor) {
    buffer_.EventSeen();
    if (builder_.WantsKey()) {
      if (node.kind == Kind::kNull) RefuseKey(at);
      builder_.Key(std::move(node.scalar));
      return;
    }
    node.line = at.line;
    node.column = at.column;
    if (anchor != YAML::NullAnchor) Keep(anchor, node, at);
    if (!builder_.Add(std::move(node))) throw Refused{};
  }

  void Open(Kind kind, Position at, const std::string& tag, std::string_view expected,
            YAML::anchor_t anchor) {
    buffer_.EventSeen();
    if (builder_.WantsKey()) RefuseKey(at);
    if (tag != "?" && tag != "!" && !tag.empty() && tag != expected) {
      Refuse(ErrorCode::kInvalidArgument, at,
             "the tag " + base::Printable(tag) + " is not supported here; remove it");
    }
    if (!builder_.Open(kind, at)) throw Refused{};
    open_anchors_.push_back(anchor);
  }
  void Close() {
    buffer_.EventSeen();
    const YAML::anchor_t anchor = open_anchors_.back();
    open_anchors_.pop_back();
    const Node& done = builder_.Top();
    if (anchor != YAML::NullAnchor) Keep(anchor, done, {.line = done.line, .column = done.column});
    builder_.Close();
  }
  // The copy counts against the limits like a use.
  void Keep(YAML::anchor_t anchor, const Node& node, Position at) {
    const Size size = Measure(node);
    alias_bytes_ += size.bytes;
    if (alias_bytes_ > limits_.bytes) {
      Refuse(ErrorCode::kResourceExhausted, at, "the anchored values hold too much text");
    }
    if (!builder_.Charge(size.nodes, at)) throw Refused{};
    anchors_.insert_or_assign(anchor, node);
  }

  std::string_view text_;
  const Limits limits_;
  CountingBuffer& buffer_;
  TreeBuilder builder_;
  std::size_t documents_ = 0;
  std::size_t alias_bytes_ = 0;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::vector<YAML::anchor_t> open_anchors_;
};

// Control characters are not YAML text; yaml-cpp takes 0x04 for the end of the text, and a lone
// carriage return is a line break for some readers and none for yaml-cpp.
std::optional<std::size_t> FindControl(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != 0x7f) continue;
    if (c == '\n' || c == '\t') continue;
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    return i;
  }
  return std::nullopt;
}

base::Result<std::vector<Node>> Read(std::string_view text, const Limits& limits,
                                     CountingBuffer& buffer, Handler& handler, Position& at) {
  const auto too_dense = [&] {
    at = PositionOf(text, buffer.offset());
    return base::Fail(ErrorAt(ErrorCode::kResourceExhausted, at,
                              "a flow collection, scalar or comment here is too large: more than " +
                                  std::to_string(std::min(2 * limits.nodes, kMaxMarks)) +
                                  " punctuation characters"));
  };
  std::vector<Node> documents;
  try {
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
      if (buffer.exceeded()) return too_dense();
      auto root = handler.builder().TakeRoot();
      if (root && root->kind != Kind::kNull) documents.push_back(*std::move(root));
    }
  } catch (const Refused&) {
    if (buffer.exceeded()) return too_dense();
    at = handler.builder().FailedAt();
    return base::Fail(*handler.builder().Failure());
  } catch (const YAML::Exception& error) {
    if (buffer.exceeded()) return too_dense();
    at = PlaceOf(error.mark);
    return base::Fail(ErrorAt(ErrorCode::kInvalidArgument, at, base::Printable(error.msg)));
  }
  if (buffer.exceeded()) return too_dense();
  return documents;
}

}  // namespace

base::Result<std::vector<Node>> ParseYaml(std::string_view text, const Limits& limits,
                                          Position* error_at) {
  if (auto error = CheckText(text, limits, error_at)) return base::Fail(*std::move(error));
  Position ignored;
  Position& at = error_at != nullptr ? *error_at : ignored;
  if (const auto control = FindControl(text)) {
    at = PositionOf(text, *control);
    return base::Fail(ErrorAt(ErrorCode::kInvalidArgument, at,
                              "a control character or lone carriage return; remove it"));
  }
  CountingBuffer buffer(text, std::min(2 * limits.nodes, kMaxMarks));
  Handler handler(text, limits, buffer);
  return Read(text, limits, buffer, handler, at);
}

}  // namespace seccompd::document
