// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/result.h"
#include "tests/e2e/node.h"
#include "tests/support/subprocess.h"

namespace seccompd::crash {

inline constexpr int kProfiles = 8;
inline constexpr int kVersions = 5;
inline constexpr int kRemovable = 4;  // the last four: never a mass removal

struct ReaderTotals {
  std::size_t whole = 0;  // times a profile was read and was one of its legal texts
  std::string complaint;  // the first thing no reader may see, "" if none
};

// A node whose profiles somebody creates, changes, withdraws and tampers with, the agent that is
// killed there, and what must hold. One call after the other; only the reader is a thread.
class Chaos {
 public:
  explicit Chaos(unsigned seed);
  ~Chaos();
  Chaos(const Chaos&) = delete;
  Chaos& operator=(const Chaos&) = delete;

  // Files of others, the first wish, the reader.
  void Begin();
  [[nodiscard]] base::Result<> StartAgent();  // does not wait for it
  void KillAgent();
  [[nodiscard]] int StopAgent();
  [[nodiscard]] std::string AgentLog() const { return agent_ ? agent_->ErrSoFar() : ""; }

  // Changes things for that long. A profile is changed, or tampered with, or comes and goes, until
  // the next Settle(): so it is known which states are legal.
  void Disturb(std::chrono::milliseconds time);
  // One profile becomes another: after the next Settle() the agent has run its loops.
  void ChangeOne();
  // What is wrong with the directory as a kill left it; "" if it is a legal state.
  [[nodiscard]] std::string CheckLegal() const;
  // Waits until the directory is what is wanted, file by file; "" or what is still wrong.
  [[nodiscard]] std::string Settle();
  [[nodiscard]] ReaderTotals StopReader();

  [[nodiscard]] std::mt19937& random() { return random_; }
  [[nodiscard]] std::size_t settled() const { return settled_; }
  [[nodiscard]] std::size_t disturbances() const { return disturbances_; }

 private:
  enum class Role { kSteady, kChanged, kComesAndGoes, kTampered };
  struct Slot {
    Role role = Role::kSteady;
    std::optional<int> version;  // wanted; none: withdrawn
    std::set<int> possible;      // wanted at some time since it was settled
    int tamperings = 0;
  };

  [[nodiscard]] std::string PathOf(int n) const;
  [[nodiscard]] bool IsVersion(int n, const std::string& text, int* version) const;
  void Want(int n, std::optional<int> version);
  void DisturbOne(int n);
  void Tamper(int n);
  [[nodiscard]] std::string CheckSlot(int n) const;
  [[nodiscard]] std::string CheckStrangers() const;
  [[nodiscard]] std::string CheckOwnFiles() const;
  [[nodiscard]] std::string Difference() const;
  void ReadForEver();

  std::mt19937 random_;
  e2e::Node node_;
  std::array<std::array<std::string, kVersions>, kProfiles> rendered_;
  std::array<Slot, kProfiles> slots_;
  // Even: the profile must exist. Odd: it may be away or spoiled.
  std::array<std::atomic<unsigned>, kProfiles> epochs_{};
  std::map<std::string, std::string> strangers_;  // path -> content, inode and times
  std::optional<test_support::ChildProcess> agent_;
  std::atomic<bool> stop_{false};
  ReaderTotals totals_;
  std::thread reader_;
  std::size_t settled_ = 0;
  std::size_t disturbances_ = 0;
};

}  // namespace seccompd::crash
