// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace seccompd::net {

// `data` as one gzip member (RFC 1952), at the level that costs least time.
[[nodiscard]] base::Result<std::string> GzipCompress(std::string_view data);

// Inflates a gzip stream in pieces of any size. Members may follow each other: an API server starts
// a new one at every flush.
class GzipInflater {
 public:
  // More than `max_bytes` of output in all is kResourceExhausted: a bomb, or a body too large.
  explicit GzipInflater(std::size_t max_bytes);
  GzipInflater(GzipInflater&&) noexcept;
  GzipInflater& operator=(GzipInflater&&) noexcept;
  ~GzipInflater();

  // Appends to `out` what `data` adds. kCorrupt if it is no gzip; after an error, do not go on.
  [[nodiscard]] base::Result<> Push(std::string_view data, std::string* out);

  // The input may end here: no member is open.
  [[nodiscard]] bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seccompd::net
