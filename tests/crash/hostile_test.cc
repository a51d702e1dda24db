// SPDX-License-Identifier: Apache-2.0
// What strangers may send or name: thousands of connections, and texts that try to break the log,
// the scrape, the terminal and the status page of the real agent.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "tests/e2e/node.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::crash {
namespace {

using std::chrono::seconds;
using test_support::IsOk;
using test_support::TreeBuilder;
using test_support::WaitFor;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kConnections = 10'000;
#ifdef __SANITIZE_ADDRESS__
constexpr double kMostGrowth = 128;  // MiB; what was freed is kept for a while
#else
constexpr double kMostGrowth = 16;
#endif

// "127.0.0.1:PORT", not waiting for anything.
base::UniqueFd Connect(const std::string& address) {
  struct sockaddr_in to {};
  to.sin_family = AF_INET;
  const auto port = base::ParseInt<std::uint16_t>(address.substr(address.rfind(':') + 1));
  to.sin_port = htons(port.value_or(0));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what connect(2) takes
  (void)::connect(fd.get(), reinterpret_cast<const struct sockaddr*>(&to), sizeof(to));
  return fd;
}

std::size_t OpenFiles(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  std::error_code error;
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(path, error), {}));
}

class HostileTest : public ::testing::Test {
 protected:
  e2e::Node node_;
};

TEST_F(HostileTest, TenThousandConnectionsCostBoundedMemoryAndShutNobodyOut) {
  struct rlimit limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kConnections + 1'000);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < kConnections + 100) {
    GTEST_SKIP() << "only " << limit.rlim_cur << " descriptors allowed here";
  }
  ASSERT_THAT(node_.StartAgent(), IsOk());
  const auto memory = [&] {
    return node_.agent().Metric("process_resident_memory_bytes").value_or(0) / 1048576;
  };
  const double quiet = memory();
  const std::size_t files = OpenFiles(node_.agent().pid());
  {
    std::vector<base::UniqueFd> crowd;
    std::size_t most_files = 0;
    int answered = 0;
    for (int i = 0; i < kConnections; ++i) {
      crowd.push_back(Connect(node_.agent().address()));
      const std::string_view half = "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ";
      (void)::send(crowd.back().get(), half.data(), half.size(), MSG_NOSIGNAL);
      if (i % 1'000 != 999) continue;
      most_files = std::max(most_files, OpenFiles(node_.agent().pid()));
      if (WaitFor(seconds(20), [&] { return memory() > 0; })) ++answered;
    }
    EXPECT_EQ(answered, kConnections / 1'000) << "a scrape did not get through";
    std::printf("%d connections: %zu descriptors (quiet %zu), %.1f MiB (quiet %.1f)\n",
                kConnections, most_files, files, memory(), quiet);
    EXPECT_LT(most_files, files + 200);
    EXPECT_LT(memory(), quiet + kMostGrowth);
  }
  EXPECT_TRUE(WaitFor(seconds(30), [&] { return OpenFiles(node_.agent().pid()) <= files + 2; }));
  EXPECT_EQ(node_.StopAgent(), 0);
  limit.rlim_cur = before;
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// No byte that a terminal obeys: C0 but newline, DEL, and C1 in UTF-8.
bool IsQuiet(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return false;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return false;
    }
  }
  return true;
}

constexpr const char* kNasty[] = {
    "a\x1b[31mred\x1b]0;title\x07",
    "b\nseccompd_ready 1\n",
    "c\"} 1\nseccompd_ready{x=\"",
    "d<script>alert(1)</script>",
    "e'\"><img src=x onerror=alert(1)>",
    "f\xc2\x9b"
    "31m",
    "g\\\"\\n\\",
    "h\xe2\x80\xae"
    "gnp.exe",
    "i{\"level\":\"error\",\"msg\":\"forged\"}",
};

TEST_F(HostileTest, NamesAndTextsCannotBreakLogScrapeTerminalOrPage) {
  std::vector<test_support::PodRow> pods;
  int number = 0;
  for (const std::string nasty : kNasty) {
    const std::string key = std::to_string(++number);
    node_.Apply(
        {.name = "n" + key,
         .data = {{"p.json", R"({"defaultAction":")" + nasty + "\"}"},
                  {"q.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"" + nasty + "\": 1"},
                  {nasty + ".json", e2e::kAudit},
                  {"r.json", R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":[")" +
                                 nasty + R"("],"action":"SCMP_ACT_ALLOW"}]})"}},
         .annotations = {{"seccompd.io/path", number % 2 == 0 ? nasty : "ok" + key},
                         {"seccompd.io/capabilities", nasty}}});
    TreeBuilder(node_.Outside("")).File("x", "");
    pods.push_back({.name = nasty, .seccomp = "Localhost:" + nasty + ".json"});
  }
  node_.SetPods(pods);
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(WaitFor(seconds(20), [&] {
    return node_.agent().Metric("seccompd_profile_invalid").value_or(0) > 5;
  })) << node_.agent().LogSoFar();

  const std::string log = node_.agent().LogSoFar();
  for (const std::string_view line : base::Split(log, '\n')) {
    if (line.empty()) continue;
    boost::json::error_code error;
    const auto entry = boost::json::parse(line, error);
    EXPECT_TRUE(!error && entry.is_object()) << line;
    if (error || !entry.is_object()) continue;
    EXPECT_NE(entry.as_object().at("msg"), "forged");
    EXPECT_TRUE(IsQuiet(std::string(line))) << line;
  }
  const std::string scrape = node_.agent().Get("/metrics")->body;
  EXPECT_TRUE(IsQuiet(scrape));
  int ready = 0;
  for (const std::string_view line : base::Split(scrape, '\n')) {
    if (line.starts_with("seccompd_ready")) ++ready;
    EXPECT_TRUE(line.empty() || line[0] == '#' || (line[0] >= 'a' && line[0] <= 'z')) << line;
  }
  EXPECT_EQ(ready, 1) << "a series was forged";
  const auto page = node_.agent().Get("/");
  ASSERT_THAT(page, IsOk());
  EXPECT_TRUE(IsQuiet(page->body));
  EXPECT_THAT(page->body, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page->body, Not(HasSubstr("<img src=x")));
  const auto audit =
      test_support::RunSeccompd({"audit", "--all", "--pods", node_.PodsFlag(), "--seccomp-root",
                                 node_.seccomp_root(), "--node-default", "unconfined"});
  ASSERT_THAT(audit, IsOk());
  EXPECT_TRUE(IsQuiet(audit->out)) << audit->out;
  EXPECT_TRUE(IsQuiet(audit->err)) << audit->err;
  const auto validate = test_support::RunSeccompd({"validate", node_.manifests()});
  ASSERT_THAT(validate, IsOk());
  EXPECT_TRUE(IsQuiet(validate->out)) << validate->out;
  EXPECT_TRUE(IsQuiet(validate->err)) << validate->err;
  for (const std::string& file : node_.Files()) EXPECT_TRUE(IsQuiet(file)) << file;
}

}  // namespace
}  // namespace seccompd::crash
