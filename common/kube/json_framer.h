// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/json_extent.h"

namespace seccompd::kube {

// Cuts a watch stream into JSON objects wherever the chunks end: values follow one another with any
// white space between them, as Go's json.Decoder reads them (apimachinery util/framer). Finds the
// end of a value only; whether it is valid JSON is the parser's to say.
class JsonFramer {
 public:
  // `max_bytes` bounds one object: an API object is at most 1.5 MiB, and escaping can double it.
  explicit JsonFramer(std::size_t max_bytes = std::size_t{4} << 20) : max_bytes_(max_bytes) {}

  // The objects that `chunk` completes. kCorrupt if a value does not begin with '{',
  // kResourceExhausted beyond the bound; after an error the stream is useless.
  [[nodiscard]] base::Result<std::vector<std::string>> Feed(std::string_view chunk);

  // Bytes of an object that has not ended: at the end of a stream they mean it was cut.
  [[nodiscard]] std::size_t pending() const { return buffer_.size(); }

 private:
  std::size_t max_bytes_;
  std::string buffer_;
  JsonExtent extent_;
};

}  // namespace seccompd::kube
