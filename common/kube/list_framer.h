// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/json_extent.h"

namespace seccompd::kube {

// metadata of a list (apimachinery meta/v1 ListMeta).
struct ListMeta {
  std::string resource_version;
  std::string continue_token;
  bool operator==(const ListMeta&) const = default;
};

// Cuts the body of a LIST into its items wherever the chunks end, so that memory holds one item and
// never the page: a page of 500 pods is about 5 MiB. Members other than `items` and `metadata` are
// skipped. Finds the ends of values only; whether an item is valid JSON is its parser's to say.
class ListFramer {
 public:
  explicit ListFramer(std::size_t max_item_bytes = std::size_t{4} << 20)
      : max_item_bytes_(max_item_bytes) {}

  // The items that `chunk` completes. kCorrupt if the text is not an object with an array,
  // kResourceExhausted for an item beyond the bound; after an error the body is useless.
  [[nodiscard]] base::Result<std::vector<std::string>> Feed(std::string_view chunk);

  // The text so far is a whole list; for one without a resourceVersion, a kubelet's.
  [[nodiscard]] bool whole() const { return expect_ == Expect::kEnd; }
  // At the end of the body. kCorrupt if the text was cut or has no resourceVersion.
  [[nodiscard]] base::Result<ListMeta> Finish() const;

 private:
  enum class Expect : std::uint8_t {
    kOpen,       // the '{' of the list
    kKeyOrEnd,   // after '{'
    kKey,        // after ','
    kInKey,      //
    kColon,      //
    kValue,      //
    kInValue,    // of a member, kept or skipped
    kNext,       // ',' or '}' after a member
    kItemOrEnd,  // after '['
    kItem,       // after ','
    kInItem,     //
    kNextItem,   // ',' or ']' after an item
    kEnd,        // nothing but white space
  };
  bool OnByte(char c, std::vector<std::string>* items);
  bool BeginValue(char c);
  bool OnMemberByte(char c);

  std::size_t max_item_bytes_;
  Expect expect_ = Expect::kOpen;
  std::string key_;
  std::string value_;     // the item or the metadata under way
  std::string metadata_;  // its JSON text
  bool keep_ = false;     // value_ is wanted
  bool scalar_ = false;   // a number or literal: ends before the byte that follows it
  JsonExtent extent_;     // of the value under way
};

}  // namespace seccompd::kube
