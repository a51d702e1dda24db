// SPDX-License-Identifier: Apache-2.0
#include "common/kube/list_framer.h"

#include "common/document/document.h"

namespace seccompd::kube {
namespace {

constexpr std::size_t kMaxKeyBytes = 256;
constexpr document::Limits kMetadataLimits = {
    .bytes = std::size_t{1} << 20, .depth = 16, .nodes = 1'000, .documents = 1};

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

// The first byte of a member's value; false if no value begins so.
bool ListFramer::BeginValue(char c) {
  if (key_ == "items" && c == '[') {
    expect_ = Expect::kItemOrEnd;
    return true;
  }
  if (c == '}' || c == ']' || c == ',' || c == ':') return false;
  keep_ = key_ == "metadata";
  scalar_ = c != '{' && c != '[' && c != '"';
  value_.clear();
  expect_ = Expect::kInValue;
  if (keep_) value_ += c;
  if (!scalar_) static_cast<void>(extent_.Advance(c));
  return true;
}

bool ListFramer::OnMemberByte(char c) {
  if (scalar_) {
    if (c != ',' && c != '}' && !IsSpace(c)) return true;
    expect_ = c == ',' ? Expect::kKey : c == '}' ? Expect::kEnd : Expect::kNext;
    return true;
  }
  if (keep_) value_ += c;
  if (!extent_.Advance(c)) return true;
  if (keep_) metadata_ = std::move(value_);
  value_.clear();
  expect_ = Expect::kNext;
  return true;
}

// False if the byte cannot stand here.
bool ListFramer::OnByte(char c, std::vector<std::string>* items) {
  if (expect_ == Expect::kInItem) {
    value_ += c;
    if (!extent_.Advance(c)) return true;
    items->push_back(std::move(value_));
    value_.clear();
    expect_ = Expect::kNextItem;
    return true;
  }
  if (expect_ == Expect::kInValue) return OnMemberByte(c);
  if (expect_ == Expect::kInKey) {
    if (c == '"') {
      expect_ = Expect::kColon;
    } else {
      key_ += c;
    }
    return c != '\\' && key_.size() <= kMaxKeyBytes;
  }
  if (IsSpace(c)) return true;
  switch (expect_) {
    case Expect::kOpen:
      expect_ = Expect::kKeyOrEnd;
      return c == '{';
    case Expect::kKeyOrEnd:
    case Expect::kKey:
      if (c == '}' && expect_ == Expect::kKeyOrEnd) {
        expect_ = Expect::kEnd;
        return true;
      }
      key_.clear();
      expect_ = Expect::kInKey;
      return c == '"';
    case Expect::kColon:
      expect_ = Expect::kValue;
      return c == ':';
    case Expect::kValue:
      return BeginValue(c);
    case Expect::kNext:
      expect_ = c == ',' ? Expect::kKey : Expect::kEnd;
      return c == ',' || c == '}';
    case Expect::kItemOrEnd:
    case Expect::kItem:
      if (c == ']' && expect_ == Expect::kItemOrEnd) {
        expect_ = Expect::kNext;
        return true;
      }
      value_ = c;
      static_cast<void>(extent_.Advance(c));
      expect_ = Expect::kInItem;
      return c == '{';
    case Expect::kNextItem:
      expect_ = c == ',' ? Expect::kItem : Expect::kNext;
      return c == ',' || c == ']';
    default:
      return false;  // bytes after the end
  }
}

base::Result<std::vector<std::string>> ListFramer::Feed(std::string_view chunk) {
  std::vector<std::string> items;
  for (const char c : chunk) {
    if (!OnByte(c, &items)) {
      return base::Fail(base::ErrorCode::kCorrupt, "list: not the JSON text of a list");
    }
    if (value_.size() > max_item_bytes_) {
      return base::Fail(
          base::ErrorCode::kResourceExhausted,
          "list: an item is larger than " + std::to_string(max_item_bytes_) + " bytes");
    }
  }
  return items;
}

base::Result<ListMeta> ListFramer::Finish() const {
  if (expect_ != Expect::kEnd) return base::Fail(base::ErrorCode::kCorrupt, "list: cut off");
  if (metadata_.empty()) return base::Fail(base::ErrorCode::kCorrupt, "list: no metadata");
  const auto parsed = document::ParseJson(metadata_, kMetadataLimits);
  if (!parsed || parsed->kind != document::Kind::kObject) {
    return base::Fail(base::ErrorCode::kCorrupt, "list: metadata is not an object");
  }
  const auto text = [&parsed](std::string_view key) {
    const document::Node* node = parsed->Find(key);
    const bool is_text = node != nullptr && node->kind == document::Kind::kString;
    return is_text ? node->scalar : std::string();
  };
  ListMeta meta{.resource_version = text("resourceVersion"), .continue_token = text("continue")};
  if (meta.resource_version.empty()) {
    return base::Fail(base::ErrorCode::kCorrupt, "list: no metadata.resourceVersion");
  }
  return meta;
}

}  // namespace seccompd::kube
