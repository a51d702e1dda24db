// SPDX-License-Identifier: Apache-2.0
#include "common/kube/json_framer.h"

namespace seccompd::kube {

base::Result<std::vector<std::string>> JsonFramer::Feed(std::string_view chunk) {
  std::vector<std::string> objects;
  std::size_t start = 0;  // of what is not yet in buffer_
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    const char c = chunk[i];
    if (!extent_.within()) {
      start = i + 1;
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
      if (c != '{') {
        return base::Fail(base::ErrorCode::kCorrupt, "watch stream: expected a JSON object");
      }
      start = i;
    }
    if (!extent_.Advance(c)) continue;
    buffer_.append(chunk.substr(start, i + 1 - start));
    if (buffer_.size() > max_bytes_) break;
    objects.push_back(std::move(buffer_));
    buffer_.clear();
    start = i + 1;
  }
  if (extent_.within()) buffer_.append(chunk.substr(start));
  if (buffer_.size() > max_bytes_) {
    return base::Fail(
        base::ErrorCode::kResourceExhausted,
        "watch stream: an event is larger than " + std::to_string(max_bytes_) + " bytes");
  }
  return objects;
}

}  // namespace seccompd::kube
