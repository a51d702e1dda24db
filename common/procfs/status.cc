// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/status.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::procfs {
namespace {

using base::ErrorCode;
using base::ParseInt;

// Bits of the fields seen, in the order of kFieldNames.
enum Field : unsigned {
  kName,
  kState,
  kTgid,
  kPid,
  kPPid,
  kThreads,
  kNoNewPrivs,
  kSeccomp,
  kFilters
};
constexpr std::array<std::string_view, 9> kFieldNames = {
    "Name", "State", "Tgid", "Pid", "PPid", "Threads", "NoNewPrivs", "Seccomp", "Seccomp_filters"};
constexpr unsigned kRequired = (1U << kFilters) - 1;
constexpr int kModeFilter = 2;
constexpr int kModeDead = 3;  // SECCOMP_MODE_DEAD, Linux 5.16: the filter killed this thread

std::optional<Field> FieldOf(std::string_view key) {
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) {
    if (key == kFieldNames[i]) return static_cast<Field>(i);
  }
  return std::nullopt;
}

// Undoes string_escape_str() of "\n" and "\\", the only two that proc_task_name() escapes.
std::string Unescape(std::string_view name) {
  std::string comm;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\' && i + 1 < name.size() && (name[i + 1] == 'n' || name[i + 1] == '\\')) {
      ++i;
      comm += name[i] == 'n' ? '\n' : '\\';
    } else {
      comm += name[i];
    }
  }
  return comm;
}

template <class T>
bool Assign(std::optional<T> number, T& target) {
  if (!number || *number < 0) return false;
  target = *number;
  return true;
}

bool AssignMode(std::string_view value, int& mode) {
  const auto number = ParseInt<int>(value);
  if (!number || *number < 0 || *number > kModeDead) return false;
  mode = *number == kModeDead ? kModeFilter : *number;
  return true;
}

// "S (sleeping)": a letter, then anything after a space.
bool AssignState(std::string_view value, char& state) {
  if (value.empty() || (value.size() > 1 && value[1] != ' ')) return false;
  state = value[0];
  return (state >= 'A' && state <= 'Z') || (state >= 'a' && state <= 'z');
}

bool AssignField(Field field, std::string_view value, Status& status) {
  switch (field) {
    case kName:
      status.comm = Unescape(value);
      return true;
    case kState:
      return AssignState(value, status.state);
    case kTgid:
      return Assign(ParseInt<pid_t>(value), status.tgid);
    case kPid:
      return Assign(ParseInt<pid_t>(value), status.pid);
    case kPPid:
      return Assign(ParseInt<pid_t>(value), status.ppid);
    case kThreads:
      return Assign(ParseInt<int>(value), status.threads);
    case kNoNewPrivs:
      status.seccomp.no_new_privs = value == "1";
      return value == "0" || value == "1";
    case kSeccomp:
      return AssignMode(value, status.seccomp.mode);
    case kFilters: {
      int filters = 0;
      if (!Assign(ParseInt<int>(value), filters)) return false;
      status.seccomp.filters = filters;
      return true;
    }
  }
  return false;
}

base::Error Corrupt(std::string_view field, std::string_view what) {
  std::string message = "status: ";
  message += field;
  message += ' ';
  message += what;
  return base::Error{.code = ErrorCode::kCorrupt, .message = std::move(message)};
}

// No field of interest starts with another letter: most lines end here.
bool MayMatter(char first) { return first == 'S' || first == 'N' || first == 'T' || first == 'P'; }

}  // namespace

base::Result<Status> ParseStatus(std::string_view text) {
  Status status;
  unsigned seen = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return base::Fail(Corrupt("text", "is cut off in a line"));
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty() || !MayMatter(line[0])) continue;
    const std::size_t colon = line.find(":\t");
    if (colon == std::string_view::npos) continue;
    const auto field = FieldOf(line.substr(0, colon));
    if (!field) continue;
    if ((seen & (1U << *field)) != 0)
      return base::Fail(Corrupt(kFieldNames[*field], "is repeated"));
    seen |= 1U << *field;
    if (!AssignField(*field, line.substr(colon + 2), status)) {
      return base::Fail(Corrupt(kFieldNames[*field], "has a value out of range"));
    }
  }
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) {
    if ((kRequired & ~seen & (1U << i)) != 0) {
      return base::Fail(Corrupt(kFieldNames[i], "is missing"));
    }
  }
  return status;
}

}  // namespace seccompd::procfs
