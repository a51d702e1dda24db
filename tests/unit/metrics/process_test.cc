// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <limits>

#include "common/base/unique_fd.h"

namespace seccompd::metrics {
namespace {

constexpr ProcessUnits kUnits{.ticks_per_second = 100, .page_bytes = 4096};

constexpr char kStat[] =
    "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1000 0 0 0 250 50 0 0 20 0 1 0 12345 104857600 2000 "
    "18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0\n";
constexpr char kLimits[] =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max cpu time              unlimited            unlimited            seconds   \n"
    "Max open files            1024                 524288               files     \n"
    "Max address space         unlimited            unlimited            bytes     \n";
constexpr char kNetstat[] =
    "TcpExt: SyncookiesSent InOctets\n"
    "TcpExt: 1 2\n"
    "IpExt: InNoRoutes InOctets OutOctets\n"
    "IpExt: 0 1234 5678\n";
constexpr char kSystem[] = "cpu  1 2 3\nctxt 5\nbtime 1700000000\nprocesses 7\n";

ProcessTexts FullTexts() {
  return ProcessTexts{
      .stat = kStat, .limits = kLimits, .netstat = kNetstat, .system = kSystem, .open_fds = 12};
}

TEST(ParseProcessStats, ReadsEveryFile) {
  const ProcessStats stats = ParseProcessStats(FullTexts(), kUnits);
  EXPECT_EQ(stats.cpu_seconds, 3.0);
  EXPECT_EQ(stats.start_time_seconds, 1'700'000'123.45);
  EXPECT_EQ(stats.virtual_memory_bytes, 104'857'600U);
  EXPECT_EQ(stats.resident_memory_bytes, 8'192'000U);
  EXPECT_EQ(stats.virtual_memory_max_bytes, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(stats.max_fds, 1024U);
  EXPECT_EQ(stats.open_fds, 12U);
  EXPECT_EQ(stats.network_receive_bytes, 1234U);
  EXPECT_EQ(stats.network_transmit_bytes, 5678U);
}

TEST(ParseProcessStats, NothingReadGivesNothing) {
  EXPECT_EQ(ParseProcessStats(ProcessTexts{}, kUnits), ProcessStats{});
}

TEST(ParseProcessStats, NoStartTimeWithoutBootTime) {
  ProcessTexts texts = FullTexts();
  texts.system = "cpu 1\n";
  EXPECT_EQ(ParseProcessStats(texts, kUnits).start_time_seconds, std::nullopt);
}

TEST(ParseProcessStats, CutStatGivesNothingOfIt) {
  ProcessTexts texts = FullTexts();
  texts.stat = "4242 (name) S 1 2 3";
  const ProcessStats stats = ParseProcessStats(texts, kUnits);
  EXPECT_EQ(stats.cpu_seconds, std::nullopt);
  EXPECT_EQ(stats.resident_memory_bytes, std::nullopt);
  EXPECT_EQ(stats.max_fds, 1024U);
}

TEST(ParseProcessStats, GarbageNumbersAreAbsent) {
  ProcessTexts texts = FullTexts();
  texts.limits = "Max open files            many 1 files\n";
  texts.netstat = "IpExt: InOctets OutOctets\nIpExt: -1\n";
  const ProcessStats stats = ParseProcessStats(texts, kUnits);
  EXPECT_EQ(stats.max_fds, std::nullopt);
  EXPECT_EQ(stats.network_receive_bytes, std::nullopt);
  EXPECT_EQ(stats.network_transmit_bytes, std::nullopt);
}

TEST(ReadProcessTexts, TellsOfThisProcess) {
  const base::UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const ProcessStats before = ParseProcessStats(ReadProcessTexts(proc.get()), SystemUnits());
  const base::UniqueFd one_more(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const ProcessStats after = ParseProcessStats(ReadProcessTexts(proc.get()), SystemUnits());
  ASSERT_TRUE(before.open_fds && after.open_fds);
  EXPECT_EQ(*after.open_fds, *before.open_fds + 1);
  EXPECT_GT(after.resident_memory_bytes.value_or(0), 0U);
  EXPECT_GT(after.start_time_seconds.value_or(0), 1'600'000'000.0);
  EXPECT_TRUE(after.cpu_seconds && after.max_fds && after.virtual_memory_bytes);
}

TEST(ReadProcessTexts, WrongDirectoryGivesNothing) {
  const base::UniqueFd etc(::open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(ParseProcessStats(ReadProcessTexts(etc.get()), SystemUnits()), ProcessStats{});
}

}  // namespace
}  // namespace seccompd::metrics
