// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/newcomers.h"

namespace seccompd::agent {
namespace {

using std::chrono::milliseconds;

// Time since the cgroup was made -> until the next look; nullopt: no more.
std::optional<milliseconds> Patience(milliseconds age) {
  if (age < milliseconds(300)) return milliseconds(5);
  if (age < milliseconds(2'000)) return milliseconds(20);
  if (age < milliseconds(12'000)) return milliseconds(100);
  return std::nullopt;
}

}  // namespace

void Newcomers::Add(const std::string& path, base::MonoTime now) {
  if (waiting_.size() >= kMost) return;
  waiting_.try_emplace(path, Newcomer{.since = now, .due = now});
}

void Newcomers::Remove(const std::string& path) {
  if (waiting_.erase(path) != 0) ++ended_unjudged_;
}

void Newcomers::Judged(const std::string& path) { waiting_.erase(path); }

std::optional<base::MonoTime> Newcomers::Due() const {
  std::optional<base::MonoTime> first;
  for (const auto& [path, newcomer] : waiting_) {
    if (newcomer.due && (!first || *newcomer.due < *first)) first = newcomer.due;
  }
  return first;
}

bool Newcomers::Look(base::MonoTime now, const std::function<bool(const std::string& path)>& runs) {
  constexpr milliseconds kUnjudged{100};  // should the pass not judge it, it is looked at again
  bool any = false;
  for (auto& [path, newcomer] : waiting_) {
    if (!newcomer.due || *newcomer.due > now) continue;
    const auto age = std::chrono::duration_cast<milliseconds>(now - newcomer.since);
    const auto patience = Patience(age);
    newcomer.due = patience ? std::optional(now + *patience) : std::nullopt;
    if (!runs(path)) continue;
    if (newcomer.due) newcomer.due = now + kUnjudged;
    any = true;
  }
  return any;
}

}  // namespace seccompd::agent
