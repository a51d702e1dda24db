// SPDX-License-Identifier: Apache-2.0
// SIGKILL at random instants of a process that installs, updates, removes and repairs in a loop,
// beside a reader that opens every file all the time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>

#include "tests/unit/install/install_world.h"

namespace seccompd::install {
namespace {

constexpr int kFiles = 4;

// Version `version` of file `n`: its own length is in it, so that a torn one shows.
std::string Body(int n, int version) {
  std::string body =
      "{\"file\": " + std::to_string(n) + ", \"version\": " + std::to_string(version);
  body +=
      ", \"pad\": \"" + std::string(static_cast<std::size_t>(version % 7) * 3'000, 'x') + "\"}\n";
  return body;
}
std::string Path(int n) { return "d" + std::to_string(n) + "/sub/p.json"; }

bool IsSomeBody(int n, const std::string& text) {
  const std::string prefix = "{\"file\": " + std::to_string(n) + ", \"version\": ";
  if (!text.starts_with(prefix)) return false;
  return text == Body(n, std::atoi(text.c_str() + prefix.size()));
}

Desired Wish(std::mt19937& random) {
  std::vector<DesiredFile> files;
  for (int n = 0; n < kFiles; ++n) {
    if (random() % 4 != 0) files.push_back(Want(Path(n), Body(n, static_cast<int>(random() % 20))));
  }
  Desired desired = Wanted(std::move(files));
  desired.removal_confirmed = true;
  return desired;
}

InstallerOptions Options() {
  InstallerOptions options;
  options.plan.delete_grace = std::chrono::milliseconds(0);
  options.plan.contested_after = 0;
  return options;
}

// Runs in a child of its own until it is killed; returns only on failure.
int InstallForEver(const std::string& root, unsigned seed) {
  std::mt19937 random(seed);
  host::RealFs fs;
  auto opened = Installer::Open(fs, host::OpenDirectory(root).value(), Options());
  if (!opened) return 10;
  for (std::int64_t now = 0;; ++now) {
    const Desired desired = Wish(random);
    const Report report = (*opened)->Reconcile(desired, Refers(), At(now));
    if (report.error) return 11;
    const std::string spoiled = root + "/" + Path(static_cast<int>(random() % kFiles));
    if (random() % 2 == 0) {
      (void)::unlink(spoiled.c_str());
    } else {
      (void)::chmod(spoiled.c_str(), 0600);
    }
  }
}

// Reads every file again and again: whole, whatever version.
int ReadForEver(const std::string& root) {
  for (;;) {
    for (int n = 0; n < kFiles; ++n) {
      const auto text = test_support::ReadFile(root + "/" + Path(n));
      if (text && !IsSomeBody(n, *text)) return 20;
    }
  }
}

template <class Body>
pid_t Child(Body body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::_exit(body());
}

int EndOf(pid_t pid) {
  (void)::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

class KillTest : public ::testing::Test, protected MemoryTemp, protected InstallWorld {};

TEST_F(KillTest, NoKillLeavesATornFileAnOrphanOrATouchedStranger) {
  const char* wanted = std::getenv("SECCOMPD_KILLS");  // NOLINT(concurrency-mt-unsafe): one thread
  const int kills = wanted != nullptr ? std::atoi(wanted) : 50;
  build_.File("foreign.json", "theirs")
      .File("d0/foreign.json", "theirs")
      .File("d1/sub/q", "theirs");
  options_ = Options();
  const pid_t reader = Child([&] { return ReadForEver(dir_.path()); });
  std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same run every time
  for (int i = 0; i < kills && !HasFailure(); ++i) {
    const auto seed = static_cast<unsigned>(random());
    const pid_t agent = Child([&] { return InstallForEver(dir_.path(), seed); });
    ::usleep(2'000 + static_cast<useconds_t>(random() % 30'000));
    const int status = EndOf(agent);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    for (int n = 0; n < kFiles; ++n) {
      const std::string text = Content(Path(n));
      EXPECT_TRUE(text == "<absent>" || IsSomeBody(n, text)) << i;
    }
    Open();
    EXPECT_NE(installer_->ledger_origin(), LedgerOrigin::kRebuilt) << installer_->ledger_problem();
    ExpectNothingPosesAsAProfile();
    const Desired desired = Wish(random);
    for (int round = 0; round < 4 && Go(desired).retry; ++round) {
    }
    std::set<std::string> files{".seccompd/ledger", ".seccompd/lock", "foreign.json",
                                "d0/foreign.json", "d1/sub/q"};
    for (const DesiredFile& file : desired.files) {
      EXPECT_EQ(Content(file.claim.path), file.prepared.bytes) << i;
      files.insert(file.claim.path);
    }
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_directory()) found.insert(entry.path().lexically_relative(dir_.path()));
    }
    EXPECT_EQ(found, files) << i;
    EXPECT_EQ(Content("foreign.json") + Content("d0/foreign.json") + Content("d1/sub/q"),
              "theirstheirstheirs");
    Close();
  }
  const int status = EndOf(reader);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the reader saw a torn file: exit " << WEXITSTATUS(status);
}

}  // namespace
}  // namespace seccompd::install
