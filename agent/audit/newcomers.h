// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/base/time.h"

namespace seccompd::agent {

// Containers whose cgroup was just made, until they are judged: a runtime makes the cgroup some 20
// to 30 ms before it executes the workload's program, so they are looked at often for a while, then
// less. Pure: time is a parameter.
class Newcomers {
 public:
  static constexpr std::size_t kMost = 1'024;  // beyond it, the full pass finds them

  void Add(const std::string& path, base::MonoTime now);
  // Its cgroup is gone. One that was never judged counts as ended unjudged.
  void Remove(const std::string& path);
  // A pass has judged it.
  void Judged(const std::string& path);

  // When to look next; nullopt: nobody is waited for.
  [[nodiscard]] std::optional<base::MonoTime> Due() const;

  // Looks at those that are due. `runs` says whether a container's program is executing. True: one
  // of them is, so a pass is due.
  bool Look(base::MonoTime now, const std::function<bool(const std::string& path)>& runs);

  [[nodiscard]] std::uint64_t ended_unjudged() const { return ended_unjudged_; }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  struct Newcomer {
    base::MonoTime since;
    std::optional<base::MonoTime> due;  // nullopt: the full pass will find it
  };
  std::map<std::string, Newcomer> waiting_;
  std::uint64_t ended_unjudged_ = 0;
};

}  // namespace seccompd::agent
