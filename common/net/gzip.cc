// SPDX-License-Identifier: Apache-2.0
#include "common/net/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Fail;

constexpr int kGzipWindowBits = 15 + 16;  // zlib.h: add 16 for the gzip format
constexpr std::size_t kChunkBytes = 16'384;

// zlib's interface predates const; it never writes through next_in.
Bytef* InputOf(std::string_view data) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
}

}  // namespace

base::Result<std::string> GzipCompress(std::string_view data) {
  if (data.size() > std::numeric_limits<uInt>::max()) {
    return Fail(ErrorCode::kInvalidArgument, "too large to compress at once");
  }
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return Fail(ErrorCode::kResourceExhausted, "zlib: no memory");
  }
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = InputOf(data);
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  const std::size_t written = stream.total_out;
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return Fail(ErrorCode::kInternal, "zlib: deflate did not finish");
  out.resize(written);
  return out;
}

struct GzipInflater::State {
  explicit State(std::size_t max) : max_bytes(max) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (open) inflateEnd(&stream);
  }

  z_stream stream{};
  bool open = false;  // inflateInit succeeded
  bool between_members = true;
  std::size_t max_bytes;
  std::size_t produced = 0;
};

GzipInflater::GzipInflater(std::size_t max_bytes) : state_(std::make_unique<State>(max_bytes)) {}
GzipInflater::GzipInflater(GzipInflater&&) noexcept = default;
GzipInflater& GzipInflater::operator=(GzipInflater&&) noexcept = default;
GzipInflater::~GzipInflater() = default;

base::Result<> GzipInflater::Push(std::string_view data, std::string* out) {
  State& state = *state_;
  if (!state.open) {
    if (inflateInit2(&state.stream, kGzipWindowBits) != Z_OK) {
      return Fail(ErrorCode::kResourceExhausted, "zlib: no memory");
    }
    state.open = true;
  }
  std::array<char, kChunkBytes> chunk{};
  while (!data.empty()) {
    const std::size_t given = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
    state.stream.next_in = InputOf(data);
    state.stream.avail_in = static_cast<uInt>(given);
    bool member_ended = false;
    do {
      state.stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
      state.stream.avail_out = static_cast<uInt>(chunk.size());
      const int code = inflate(&state.stream, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return Fail(ErrorCode::kCorrupt, "not a gzip stream");
      }
      const std::size_t got = chunk.size() - state.stream.avail_out;
      if (got > state.max_bytes - state.produced) {
        return Fail(ErrorCode::kResourceExhausted,
                    "inflates to more than " + std::to_string(state.max_bytes) + " bytes");
      }
      state.produced += got;
      out->append(chunk.data(), got);
      member_ended = code == Z_STREAM_END;
    } while (!member_ended && state.stream.avail_out == 0);
    const std::size_t taken = given - state.stream.avail_in;
    if (taken == 0 && !member_ended) return Fail(ErrorCode::kCorrupt, "not a gzip stream");
    data.remove_prefix(taken);
    state.between_members = member_ended;
    if (member_ended && inflateReset(&state.stream) != Z_OK) {
      return Fail(ErrorCode::kInternal, "zlib: inflateReset failed");
    }
  }
  return {};
}

bool GzipInflater::complete() const { return state_->between_members; }

}  // namespace seccompd::net
