// SPDX-License-Identifier: Apache-2.0
// SIGKILL of the real agent at random instants while profiles are created, changed, withdrawn and
// tampered with, beside a reader that opens every profile all the time. SECCOMPD_KILLS says how
// many, SECCOMPD_KILL_SECONDS how long at most.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/crash/chaos.h"
#include "tests/support/matchers.h"

namespace seccompd::crash {
namespace {

using std::chrono::milliseconds;
using test_support::IsOk;

int Number(const char* name, int otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads
  return text != nullptr ? std::atoi(text) : otherwise;  // NOLINT(cert-err34-c): 0 is fine
}

// A time in [0, most], short ones as likely as long ones.
milliseconds Instant(std::mt19937& random, milliseconds most) {
  const auto span = static_cast<double>(most.count());
  const double part = std::uniform_real_distribution<double>(0, 1)(random);
  return milliseconds(static_cast<std::int64_t>(span * part * part));
}

TEST(AgentKill, NoKillLosesTearsOrphansOrTouchesWhatIsNotItsOwn) {
  const int wanted = Number("SECCOMPD_KILLS", 200);
  const std::chrono::seconds most(Number("SECCOMPD_KILL_SECONDS", 1'000'000));
  Chaos chaos(20'261'126);
  chaos.Begin();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_THAT(chaos.StartAgent(), IsOk());
  ASSERT_EQ(chaos.Settle(), "") << chaos.AgentLog();
  const milliseconds warm = std::chrono::duration_cast<milliseconds>(
      std::chrono::steady_clock::now() - start);  // what a start costs here
  milliseconds slowest{0};
  int kills = 0;
  while (kills < wanted && std::chrono::steady_clock::now() - start < most) {
    chaos.Disturb(Instant(chaos.random(), warm));
    chaos.KillAgent();
    ++kills;
    ASSERT_EQ(chaos.CheckLegal(), "") << "after kill " << kills;
    // As likely as not the next one is killed before it is up.
    while (kills < wanted && chaos.random()() % 2 == 0) {
      ASSERT_THAT(chaos.StartAgent(), IsOk());
      std::this_thread::sleep_for(Instant(chaos.random(), warm));
      chaos.KillAgent();
      ++kills;
      ASSERT_EQ(chaos.CheckLegal(), "") << "after kill " << kills << ", while starting";
    }
    const auto restart = std::chrono::steady_clock::now();
    ASSERT_THAT(chaos.StartAgent(), IsOk());
    ASSERT_EQ(chaos.Settle(), "") << "after kill " << kills << "\n" << chaos.AgentLog();
    slowest = std::max(slowest, std::chrono::duration_cast<milliseconds>(
                                    std::chrono::steady_clock::now() - restart));
  }
  // The last agent may have found everything in place and not be up yet: SIGTERM would just end it.
  chaos.ChangeOne();
  ASSERT_EQ(chaos.Settle(), "") << chaos.AgentLog();
  EXPECT_EQ(chaos.StopAgent(), 0) << chaos.AgentLog();
  const ReaderTotals reader = chaos.StopReader();
  EXPECT_EQ(reader.complaint, "");
  EXPECT_GT(reader.whole, 0U);
  std::printf(
      "%d kills, %zu settled states, %zu disturbances, %zu profiles read whole, "
      "slowest recovery %lld ms\n",
      kills, chaos.settled(), chaos.disturbances(), reader.whole,
      static_cast<long long>(slowest.count()));
}

}  // namespace
}  // namespace seccompd::crash
