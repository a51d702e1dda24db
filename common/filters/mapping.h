// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "common/base/result.h"

namespace seccompd::filters {

// Owns one shared mapping of a map descriptor; the kernel keeps the map as long as it lasts.
class Mapping {
 public:
  // `size` in bytes is rounded up to pages by the kernel; `protection` as mmap(2).
  [[nodiscard]] static base::Result<Mapping> Map(int fd, std::size_t size, int protection) {
    void* data = ::mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return base::Fail(base::ErrnoError(errno, "map a BPF array"));
    return Mapping(data, size);
  }

  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  [[nodiscard]] void* data() const { return data_; }

 private:
  Mapping(void* data, std::size_t size) : data_(data), size_(size) {}

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace seccompd::filters
