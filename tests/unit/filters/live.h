// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/bpf/program.h"
#include "common/filters/filter_reader.h"

// Processes under real filters, for tests on the running kernel.
namespace seccompd::filters::live {

// Root is needed; CI must not pass for want of it.
class RootTest : public ::testing::Test {
 protected:
  void SetUp() override;
};

// `size` instructions that allow everything and carry `mark`; 1 is a bare return.
bpf::Program Marked(std::uint32_t mark, std::size_t size);
bpf::Program Allow();

// Kills the process on any bpf(2) command but BPF_ITER_CREATE.
bpf::Program OnlyIterCreate();
// Refuses bpf(2) with `error`.
bpf::Program NoBpf(std::uint16_t error);

// For the calling thread; empty if done, else what failed. Sets no_new_privs.
std::string LoadFilter(const bpf::Program& program, unsigned flags = 0);
// Permitted and effective become `bits`, inheritable and ambient empty.
std::string SetCapabilities(std::uint64_t bits);
inline constexpr std::uint64_t kCapPerfmonBit = std::uint64_t{1} << 38;
inline constexpr std::uint64_t kCapBpfBit = std::uint64_t{1} << 39;

// A child that ran `setup` to its end (an empty text is success) and then sleeps until it is
// destroyed, which kills it by its pid.
class Sleeper {
 public:
  explicit Sleeper(const std::function<std::string()>& setup);
  explicit Sleeper(const std::vector<bpf::Program>& stack);
  Sleeper(Sleeper&& other) noexcept : pid_(std::exchange(other.pid_, 0)), error_(other.error_) {}
  Sleeper& operator=(Sleeper&&) = delete;
  ~Sleeper();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  pid_t pid_ = 0;
  std::string error_;
};

// What `body` returns in a child of its own; empty is success. Tells if the child died.
std::string RunInChild(const std::function<std::string()>& body);

// A field of /proc/<path>/status, e.g. ("123", "Seccomp").
std::string StatusField(const std::string& path, const std::string& field);

const Task* FindTask(std::span<const Task> tasks, pid_t tid);

// Scans, finds the thread and dumps it.
tl::expected<bpf::Stack, std::string> ReadStack(FilterReader& reader, pid_t tid);

}  // namespace seccompd::filters::live
