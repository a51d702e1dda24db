// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/path.h"

#include <fmt/format.h>

#include "common/base/strings.h"

namespace seccompd::seccomp {

std::string Path::ToPointer() const {
  if (parent_ == nullptr) return {};
  const std::string token =
      key_.data() == nullptr ? std::to_string(index_) : base::EscapePointerToken(key_);
  return parent_->ToPointer() + "/" + token;
}

std::string FoldKey(std::string_view key) {
  std::string folded;
  folded.reserve(key.size());
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (key.substr(i).starts_with("\xc5\xbf")) {  // U+017F LATIN SMALL LETTER LONG S
      folded += 's';
      i += 1;
    } else if (key.substr(i).starts_with("\xe2\x84\xaa")) {  // U+212A KELVIN SIGN
      folded += 'k';
      i += 2;
    } else {
      folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return folded;
}

namespace {

// The last one that the key names however it is spelt; null takes nothing from those before it.
const document::Member* MemberOf(const document::Node& object, std::string_view key) {
  const std::string folded = FoldKey(key);
  const document::Member* found = nullptr;
  for (const document::Member& member : object.members) {
    if (FoldKey(member.key) != folded) continue;
    if (found != nullptr && member.value.kind == document::Kind::kNull) continue;
    found = &member;
  }
  return found;
}

}  // namespace

const document::Node& Locate(const document::Node& root, std::string& pointer) {
  const document::Node* node = &root;
  std::string written;
  if (pointer.empty()) return root;
  for (const std::string_view token : base::Split(std::string_view(pointer).substr(1), '/')) {
    const document::Node* next = nullptr;
    if (node->kind == document::Kind::kArray) {
      const auto index = base::ParseInt<std::size_t>(token);
      if (index && *index < node->items.size()) next = &node->items[*index];
      written += "/" + std::string(token);
    } else {
      const document::Member* member = MemberOf(*node, token);
      if (member == nullptr) break;
      next = &member->value;
      written += "/" + base::EscapePointerToken(member->key);
    }
    if (next == nullptr) break;
    node = next;
  }
  pointer = written;
  return *node;
}

}  // namespace seccompd::seccomp
