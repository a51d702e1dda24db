// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/stat.h"

#include "common/base/strings.h"

namespace seccompd::procfs {
namespace {

constexpr int kFieldState = 3;
constexpr int kFieldPpid = 4;
constexpr int kFieldStartTime = 22;

// The fields after "(comm) ", of which the first is number 3 of proc(5).
class Tail {
 public:
  explicit Tail(std::string_view text) : text_(text) {}

  // Fields only move forward; nullopt past the end.
  std::optional<std::string_view> Field(int number) {
    for (; next_ < number; ++next_) {
      const std::size_t space = text_.find(' ');
      if (space == std::string_view::npos) return std::nullopt;
      text_.remove_prefix(space + 1);
    }
    const std::size_t end = text_.find_first_of(" \n");
    if (end == 0 || end == std::string_view::npos) return std::nullopt;  // cut off
    return text_.substr(0, end);
  }

 private:
  std::string_view text_;
  int next_ = kFieldState;
};

// Where the fields after the comm begin: behind the last ") ".
std::optional<std::size_t> TailStart(std::string_view text) {
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos || text.substr(close, 2) != ") ") return std::nullopt;
  return close + 2;
}

template <class T>
std::optional<T> Number(std::optional<std::string_view> text) {
  return text ? base::ParseInt<T>(*text) : std::nullopt;
}

}  // namespace

base::Result<Stat> ParseStat(std::string_view text) {
  const auto corrupt = [](std::string_view what) {
    return base::Fail(base::ErrorCode::kCorrupt, std::string("stat: ") + std::string(what));
  };
  const std::size_t open = text.find(" (");
  const auto tail_start = TailStart(text);
  if (open == std::string_view::npos || !tail_start || *tail_start < open + 4) {
    return corrupt("no command name in parentheses");
  }
  const auto pid = base::ParseInt<pid_t>(text.substr(0, open));
  if (!pid || *pid < 0) return corrupt("pid is no number");
  Stat stat;
  stat.pid = *pid;
  stat.comm = text.substr(open + 2, *tail_start - 2 - (open + 2));
  Tail tail(text.substr(*tail_start));
  const auto state = tail.Field(kFieldState);
  if (!state || state->size() != 1) return corrupt("state is not one letter");
  stat.state = state->front();
  const auto ppid = Number<pid_t>(tail.Field(kFieldPpid));
  if (!ppid || *ppid < 0) return corrupt("ppid is no number");
  stat.ppid = *ppid;
  const auto start = Number<std::uint64_t>(tail.Field(kFieldStartTime));
  if (!start) return corrupt("start time is no number");
  stat.start_ticks = *start;
  return stat;
}

std::optional<std::uint64_t> ParseStartTicks(std::string_view text) {
  const auto tail_start = TailStart(text);
  if (!tail_start) return std::nullopt;
  Tail tail(text.substr(*tail_start));
  return Number<std::uint64_t>(tail.Field(kFieldStartTime));
}

}  // namespace seccompd::procfs
