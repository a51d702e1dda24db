// SPDX-License-Identifier: Apache-2.0
#include "common/kube/label_selector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using Operator = LabelRequirement::Operator;

constexpr std::size_t kMaxNameBytes = 63;     // of a value, and of a key behind its prefix
constexpr std::size_t kMaxPrefixBytes = 253;  // a DNS subdomain
constexpr std::string_view kSpecial = "=!(),><";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// [A-Za-z0-9] at both ends, '-', '_' and '.' between.
bool IsName(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  if (!IsAlphanumeric(text.front()) || !IsAlphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsPrefix(std::string_view text) {
  if (text.empty() || text.size() > kMaxPrefixBytes) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

bool IsKey(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsName(text);
  return IsPrefix(text.substr(0, slash)) && IsName(text.substr(slash + 1));
}

// Words and operators, one after the other.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  // "" at the end.
  [[nodiscard]] std::string_view Peek() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    std::size_t end = at_;
    if (end == text_.size()) return {};
    if (kSpecial.find(text_[end]) == std::string_view::npos) {
      while (end < text_.size() && !IsSpace(text_[end]) &&
             kSpecial.find(text_[end]) == std::string_view::npos) {
        ++end;
      }
    } else {
      ++end;
      const char first = text_[at_];
      const bool pair = (first == '=' || first == '!') && end < text_.size() && text_[end] == '=';
      if (pair) ++end;
    }
    return text_.substr(at_, end - at_);
  }
  std::string_view Take() {
    const std::string_view token = Peek();
    at_ += token.size();
    return token;
  }
  bool TakeIf(std::string_view wanted) {
    if (Peek() != wanted) return false;
    Take();
    return true;
  }
  [[nodiscard]] bool PeekIsWord() {
    const std::string_view token = Peek();
    return !token.empty() && kSpecial.find(token.front()) == std::string_view::npos;
  }
  tl::unexpected<base::Error> Wrong(std::string_view expected) {
    const std::string_view found = Peek();
    const std::string what = found.empty() ? "the end" : "'" + base::Printable(found) + "'";
    return Fail(ErrorCode::kInvalidArgument, "at byte " + std::to_string(at_) + ": found " + what +
                                                 ", expected " + std::string(expected));
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

Result<std::string> Key(Tokens& tokens) {
  if (!tokens.PeekIsWord() || !IsKey(tokens.Peek())) return tokens.Wrong("a label key");
  return std::string(tokens.Take());
}

// A value, which may be empty.
Result<std::string> Value(Tokens& tokens) {
  if (!tokens.PeekIsWord()) return std::string();
  if (!IsName(tokens.Peek())) return tokens.Wrong("a label value");
  return std::string(tokens.Take());
}

Result<std::set<std::string>> ValueSet(Tokens& tokens) {
  if (!tokens.TakeIf("(")) return tokens.Wrong("'('");
  std::set<std::string> values;
  do {
    TRY_ASSIGN(std::string value, Value(tokens));
    values.insert(std::move(value));
  } while (tokens.TakeIf(","));
  if (!tokens.TakeIf(")")) return tokens.Wrong("',' or ')'");
  return values;
}

Result<LabelRequirement> Requirement(Tokens& tokens) {
  LabelRequirement out;
  if (tokens.TakeIf("!")) {
    out.op = Operator::kDoesNotExist;
    TRY_ASSIGN(out.key, Key(tokens));
    return out;
  }
  TRY_ASSIGN(out.key, Key(tokens));
  const std::string_view op = tokens.Peek();
  if (op.empty() || op == ",") return out;
  tokens.Take();
  if (op == "in" || op == "notin") {
    out.op = op == "in" ? Operator::kIn : Operator::kNotIn;
    TRY_ASSIGN(out.values, ValueSet(tokens));
    return out;
  }
  if (op == "=" || op == "==" || op == "!=") {
    out.op = op == "!=" ? Operator::kNotIn : Operator::kIn;
    TRY_ASSIGN(std::string value, Value(tokens));
    out.values.insert(std::move(value));
    return out;
  }
  if (op == ">" || op == "<") {
    out.op = op == ">" ? Operator::kGreater : Operator::kLess;
    if (!base::ParseInt<std::int64_t>(tokens.Peek())) return tokens.Wrong("an integer");
    out.values.emplace(tokens.Take());
    return out;
  }
  return Fail(ErrorCode::kInvalidArgument, "'" + base::Printable(op) + "' after '" + out.key +
                                               "' is no operator: =, !=, in, notin, > or <");
}

}  // namespace

bool LabelRequirement::Matches(const Labels& labels) const {
  const auto found = labels.find(key);
  const bool present = found != labels.end();
  switch (op) {
    case Operator::kExists:
      return present;
    case Operator::kDoesNotExist:
      return !present;
    case Operator::kIn:
      return present && values.contains(found->second);
    case Operator::kNotIn:
      return !present || !values.contains(found->second);
    case Operator::kGreater:
    case Operator::kLess:
      break;
  }
  if (!present || values.empty()) return false;
  const auto have = base::ParseInt<std::int64_t>(found->second);
  const auto bound = base::ParseInt<std::int64_t>(*values.begin());
  if (!have || !bound) return false;
  return op == Operator::kGreater ? *have > *bound : *have < *bound;
}

bool LabelSelector::Matches(const Labels& labels) const {
  return std::all_of(requirements.begin(), requirements.end(),
                     [&](const LabelRequirement& r) { return r.Matches(labels); });
}

Result<LabelSelector> ParseLabelSelector(std::string_view text) {
  if (text.size() > kMaxSelectorBytes) {
    return Fail(ErrorCode::kInvalidArgument, "is longer than 4096 bytes");
  }
  LabelSelector selector;
  Tokens tokens(text);
  if (tokens.Peek().empty()) return selector;
  do {
    TRY_ASSIGN(LabelRequirement requirement, Requirement(tokens));
    selector.requirements.push_back(std::move(requirement));
  } while (tokens.TakeIf(","));
  if (!tokens.Peek().empty()) return tokens.Wrong("',' or the end");
  return selector;
}

}  // namespace seccompd::kube
