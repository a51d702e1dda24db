// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_store.h"

#include <algorithm>
#include <boost/json.hpp>

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

std::string TextOf(const json::value* value) {
  if (value == nullptr || !value->is_string()) return "";
  return std::string(value->as_string());
}

const json::value* Member(const json::object& object, std::string_view key) {
  return object.if_contains(key);
}

// "spec.nodeName" of an object.
std::string FieldText(const json::object& object, std::string_view path) {
  const json::object* at = &object;
  const auto parts = base::Split(path, '.');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const json::value* next = Member(*at, parts[i]);
    if (next == nullptr || !next->is_object()) return "";
    at = &next->as_object();
  }
  return TextOf(Member(*at, parts.back()));
}

std::optional<std::string> LabelOf(const json::object& object, std::string_view key) {
  const json::value* metadata = Member(object, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return std::nullopt;
  const json::value* labels = Member(metadata->as_object(), "labels");
  if (labels == nullptr || !labels->is_object()) return std::nullopt;
  const json::value* value = Member(labels->as_object(), key);
  if (value == nullptr) return std::nullopt;
  return TextOf(value);
}

// Splits at commas outside parentheses.
std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != ',' || (depth != 0 && i < text.size())) continue;
    terms.push_back(base::TrimSpace(text.substr(start, i - start)));
    start = i + 1;
  }
  return terms;
}

}  // namespace

std::string ApiKey(std::string_view resource, std::string_view name_space, std::string_view name) {
  std::string key(resource);
  key.append("/").append(name_space).append("/").append(name);
  return key;
}

std::string MetaText(const json::object& object, std::string_view field) {
  const json::value* metadata = Member(object, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return "";
  return TextOf(Member(metadata->as_object(), field));
}

std::optional<std::vector<ApiSelector::Term>> ApiSelector::ParseTerms(std::string_view text,
                                                                      bool label) {
  std::vector<Term> terms;
  if (text.empty()) return terms;
  for (const std::string_view piece : SplitTerms(text)) {
    if (piece.empty()) return std::nullopt;
    Term term;
    term.label = label;
    const std::size_t open = piece.find('(');
    const std::size_t equals = piece.find('=');
    if (label && open != std::string_view::npos && piece.ends_with(')')) {
      const auto words = base::Split(base::TrimSpace(piece.substr(0, open)), ' ');
      if (words.size() != 2 || (words[1] != "in" && words[1] != "notin")) return std::nullopt;
      term.key = words[0];
      term.kind = words[1] == "in" ? Term::Kind::kIn : Term::Kind::kNotIn;
      for (const auto value : base::Split(piece.substr(open + 1, piece.size() - open - 2), ',')) {
        term.values.emplace_back(base::TrimSpace(value));
      }
    } else if (equals != std::string_view::npos && equals > 0) {
      const bool negative = piece[equals - 1] == '!';
      term.key = piece.substr(0, equals - (negative ? 1 : 0));
      term.kind = negative ? Term::Kind::kNotIn : Term::Kind::kIn;
      std::string_view value = piece.substr(equals + 1);
      if (value.starts_with('=')) value.remove_prefix(1);
      term.values.emplace_back(value);
    } else if (!label) {
      return std::nullopt;
    } else {
      const bool absent = piece.starts_with('!');
      term.key = piece.substr(absent ? 1 : 0);
      term.kind = absent ? Term::Kind::kAbsent : Term::Kind::kExists;
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

std::optional<ApiSelector> ApiSelector::Parse(std::string_view labels, std::string_view fields) {
  auto label_terms = ParseTerms(labels, true);
  auto field_terms = ParseTerms(fields, false);
  if (!label_terms || !field_terms) return std::nullopt;
  ApiSelector selector;
  selector.terms_ = std::move(*label_terms);
  selector.terms_.insert(selector.terms_.end(), field_terms->begin(), field_terms->end());
  return selector;
}

bool ApiSelector::Matches(const json::object& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&object](const Term& term) {
    const std::optional<std::string> value =
        term.label ? LabelOf(object, term.key) : FieldText(object, term.key);
    const bool listed =
        value && std::find(term.values.begin(), term.values.end(), *value) != term.values.end();
    switch (term.kind) {
      case Term::Kind::kExists:
        return value.has_value();
      case Term::Kind::kAbsent:
        return !value.has_value();
      case Term::Kind::kIn:
        return listed;
      case Term::Kind::kNotIn:
        return !listed;
    }
    return false;
  });
}

void ApiStore::Record(ApiChange change) {
  history_.push_back(std::move(change));
  if (history_.size() > history_limit_) {
    Compact(history_[history_.size() - history_limit_ - 1].version);
  }
}

std::uint64_t ApiStore::Put(const std::string& resource, json::object object) {
  json::object& metadata = object["metadata"].is_object() ? object["metadata"].as_object()
                                                          : object["metadata"].emplace_object();
  const std::string name_space = MetaText(object, "namespace");
  const std::string key = ApiKey(resource, name_space, MetaText(object, "name"));
  const auto found = objects_.find(key);
  ApiChange change{.version = ++version_, .resource = resource, .name_space = name_space};
  if (found != objects_.end()) {
    change.before = found->second;
    metadata["uid"] = MetaText(found->second, "uid");
    metadata["creationTimestamp"] = MetaText(found->second, "creationTimestamp");
  } else {
    std::string digits = std::to_string(++uids_);
    digits.insert(0, 12 - std::min<std::size_t>(12, digits.size()), '0');
    if (!metadata.contains("uid")) metadata["uid"] = "00000000-0000-4000-8000-" + digits;
    if (!metadata.contains("creationTimestamp")) {
      metadata["creationTimestamp"] = "2026-11-24T03:04:11Z";
    }
  }
  metadata["resourceVersion"] = std::to_string(version_);
  change.after = object;
  objects_[key] = std::move(object);
  Record(std::move(change));
  return version_;
}

bool ApiStore::Remove(const std::string& resource, const std::string& name_space,
                      const std::string& name) {
  const auto found = objects_.find(ApiKey(resource, name_space, name));
  if (found == objects_.end()) return false;
  ApiChange change{.version = ++version_, .resource = resource, .name_space = name_space};
  change.before = std::move(found->second);
  objects_.erase(found);
  Record(std::move(change));
  return true;
}

const json::object* ApiStore::Find(const std::string& resource, const std::string& name_space,
                                   const std::string& name) const {
  const auto found = objects_.find(ApiKey(resource, name_space, name));
  return found == objects_.end() ? nullptr : &found->second;
}

namespace {

void Replay(const ApiChange& change, ApiStore::Objects* objects) {
  const json::object& object = change.after ? *change.after : *change.before;
  const std::string key = ApiKey(change.resource, change.name_space, MetaText(object, "name"));
  if (change.after) {
    (*objects)[key] = *change.after;
  } else {
    objects->erase(key);
  }
}

}  // namespace

void ApiStore::Compact(std::uint64_t version) {
  if (version == 0) version = version_;
  while (!history_.empty() && history_.front().version <= version) {
    Replay(history_.front(), &base_);
    history_.pop_front();
  }
  compacted_ = std::max(compacted_, version);
}

ApiStore::Objects ApiStore::At(std::uint64_t version) const {
  if (version >= version_) return objects_;
  Objects objects = base_;
  for (const ApiChange& change : history_) {
    if (change.version > version) break;
    Replay(change, &objects);
  }
  return objects;
}

void ApiStore::GoBackTo(std::uint64_t version) {
  objects_ = At(version);
  while (!history_.empty() && history_.back().version > version) history_.pop_back();
  version_ = version;
}

namespace {

// The container and last token of a JSON pointer; creates nothing.
json::value* ParentOf(json::value* root, std::string_view pointer, std::string* token) {
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string_view::npos) return nullptr;
  *token = pointer.substr(slash + 1);
  for (const auto& [from, to] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}}) {
    for (std::size_t at = token->find(from); at != std::string::npos;
         at = token->find(from, at + 1)) {
      token->replace(at, 2, to);
    }
  }
  json::error_code code;
  return root->find_pointer(pointer.substr(0, slash), code);
}

bool ApplyOne(json::value* root, const json::object& step) {
  const std::string op = TextOf(Member(step, "op"));
  const std::string path = TextOf(Member(step, "path"));
  const json::value* value = Member(step, "value");
  json::error_code code;
  json::value* target = root->find_pointer(path, code);
  if (op == "test") return target != nullptr && value != nullptr && *target == *value;
  std::string token;
  json::value* parent = ParentOf(root, path, &token);
  if (parent == nullptr || ((op == "replace" || op == "remove") && target == nullptr)) return false;
  if (op != "remove" && value == nullptr) return false;
  if (parent->is_array()) {
    json::array& items = parent->as_array();
    const std::size_t index =
        token == "-" ? items.size() : base::ParseInt<std::size_t>(token).value_or(items.size() + 1);
    if (index > items.size()) return false;
    const auto at = items.begin() + static_cast<std::ptrdiff_t>(index);
    if (op == "add") {
      items.insert(at, *value);
    } else if (op == "remove") {
      items.erase(at);
    } else if (op == "replace") {
      *target = *value;
    }
    return op == "add" || op == "remove" || op == "replace";
  }
  if (!parent->is_object()) return false;
  if (op == "remove") {
    parent->as_object().erase(token);
    return true;
  }
  if (op != "add" && op != "replace") return false;
  parent->as_object()[token] = *value;
  return true;
}

}  // namespace

bool ApplyJsonPatch(json::object* object, const json::value& patch) {
  if (!patch.is_array()) return false;
  json::value root = *object;
  for (const json::value& step : patch.as_array()) {
    if (!step.is_object() || !ApplyOne(&root, step.as_object())) return false;
  }
  *object = root.as_object();
  return true;
}

void ApplyMergePatch(json::object* object, const json::object& patch) {
  for (const auto& [key, value] : patch) {
    if (value.is_null()) {
      object->erase(key);
    } else if (value.is_object() && object->contains(key) && (*object)[key].is_object()) {
      ApplyMergePatch(&(*object)[key].as_object(), value.as_object());
    } else {
      (*object)[key] = value;
    }
  }
}

}  // namespace seccompd::test_support
