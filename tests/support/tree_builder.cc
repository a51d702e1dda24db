// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tree_builder.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace seccompd::test_support {
namespace {

void AbortIf(bool failed, const std::string& path) {
  if (!failed) return;
  std::perror(path.c_str());
  std::abort();
}

void MakeParents(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  AbortIf(static_cast<bool>(error), path);
}

}  // namespace

std::string TreeBuilder::Full(std::string_view path) const {
  return root_ + "/" + std::string(path);
}

TreeBuilder& TreeBuilder::File(std::string_view path, std::string_view content, mode_t mode) {
  const std::string full = Full(path);
  MakeParents(full);
  std::ofstream stream(full, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  AbortIf(!stream || ::chmod(full.c_str(), mode) != 0, full);
  return *this;
}

TreeBuilder& TreeBuilder::Dir(std::string_view path, mode_t mode) {
  const std::string full = Full(path);
  std::error_code error;
  std::filesystem::create_directories(full, error);
  AbortIf(error || ::chmod(full.c_str(), mode) != 0, full);
  return *this;
}

TreeBuilder& TreeBuilder::Symlink(std::string_view path, std::string_view target) {
  const std::string full = Full(path);
  MakeParents(full);
  std::error_code error;
  std::filesystem::remove(full, error);
  std::filesystem::create_symlink(std::filesystem::path(target), full, error);
  AbortIf(static_cast<bool>(error), full);
  return *this;
}

TreeBuilder& TreeBuilder::Remove(std::string_view path) {
  std::error_code error;
  std::filesystem::remove_all(Full(path), error);
  AbortIf(static_cast<bool>(error), Full(path));
  return *this;
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) return std::nullopt;
  return content;
}

}  // namespace seccompd::test_support
