// SPDX-License-Identifier: Apache-2.0
// Replays inputs through a fuzz harness without libFuzzer, so that every test run covers the seeds,
// what searches found and all crashes. Arguments: directories of inputs, and files of them in
// hexadecimal, one a line. Exit 1 if there was nothing to replay, or a line is not hexadecimal.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "common/base/strings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every prefix length class matters more than every prefix: whole, half, and one byte short.
void Replay(const std::uint8_t* bytes, std::size_t size) {
  for (const std::size_t part : {size, size / 2, size - (size == 0 ? 0 : 1)}) {
    LLVMFuzzerTestOneInput(bytes, part);
  }
}

std::size_t ReplayDirectory(const fs::path& directory) {
  std::size_t replayed = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = ReadAll(entry.path());
    Replay(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++replayed;
  }
  return replayed;
}

// False: a line is not hexadecimal.
bool ReplayLines(const fs::path& path, std::size_t& replayed) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line); ++replayed) {
    const auto bytes = seccompd::base::HexDecode(line);
    if (!bytes) return false;
    Replay(bytes->data(), bytes->size());
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    const fs::path path = argv[i];
    if (fs::is_directory(path)) {
      replayed += ReplayDirectory(path);
    } else if (fs::exists(path) && !ReplayLines(path, replayed)) {
      std::printf("%s, line %zu: not hexadecimal\n", argv[i], replayed + 1);
      return 1;
    }
  }
  std::printf("%zu inputs replayed\n", replayed);
  return replayed == 0 ? 1 : 0;
}
