// SPDX-License-Identifier: Apache-2.0
#include "common/filters/filter_reader.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/filters/reader_state.h"

namespace seccompd::filters {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

static_assert(kMaxFilters == SECCOMPD_MAX_FILTERS);
static_assert(kMaxStackInstructions == SECCOMPD_MAX_STACK);
static_assert(bpf::kMaxInstructions == SECCOMPD_MAX_INSTRUCTIONS);

// Bounds of loops that end by themselves. Linux has at most 2^22 pids; a dump takes one read(2) for
// every 16 filters and one in a million tasks passed by.
constexpr std::size_t kMaxTasks = std::size_t{1} << 22;
constexpr int kMaxIdleReads = 64;
constexpr int kMaxDumpReads = 256;
constexpr int kDumpAttempts = 4;
constexpr int kMaxRounds = 64;

Task FromRecord(const seccompd_task& record) {
  Task task;
  task.id = {.pid = static_cast<pid_t>(record.pid),
             .start_ns = record.start_ns,
             .exec_id = record.exec_id};
  task.tgid = static_cast<pid_t>(record.tgid);
  task.ppid = static_cast<pid_t>(record.ppid);
  task.leader_start_ns = record.leader_start_ns;
  task.filter = record.filter;
  task.cgroup_id = record.cgroup_id;
  task.filter_count = record.filter_count;
  task.mode = static_cast<std::uint8_t>(record.mode);
  task.no_new_privs = (record.flags & SECCOMPD_TASK_NO_NEW_PRIVS) != 0;
  task.kernel_thread = (record.flags & SECCOMPD_TASK_KERNEL_THREAD) != 0;
  task.exiting = (record.flags & SECCOMPD_TASK_EXITING) != 0;
  task.zombie = (record.flags & SECCOMPD_TASK_ZOMBIE) != 0;
  std::memcpy(task.comm.data(), record.comm, task.comm.size());
  return task;
}

Unknown FromStatus(std::uint32_t status) {
  switch (status) {
    case SECCOMPD_DUMP_MORE:  // never came to an end
    case SECCOMPD_DUMP_TORN:
      return Unknown::kTorn;
    case SECCOMPD_DUMP_GONE:
      return Unknown::kGone;
    case SECCOMPD_DUMP_NO_FILTER:
      return Unknown::kNoFilter;
    case SECCOMPD_DUMP_TOO_MANY_FILTERS:
      return Unknown::kTooManyFilters;
    case SECCOMPD_DUMP_TOO_MANY_INSTRUCTIONS:
      return Unknown::kTooManyInstructions;
    case SECCOMPD_DUMP_NO_ORIGINAL:
      return Unknown::kNoOriginal;
    default:
      return Unknown::kUnreadable;
  }
}

// The arena holds the newest filter first.
tl::expected<bpf::Stack, Unknown> CopyStack(const seccompd_dump& dump,
                                            const unsigned char* instructions) {
  if (dump.filters > kMaxFilters) return tl::unexpected(Unknown::kUnreadable);
  bpf::Stack stack(dump.filters);
  std::size_t at = 0;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const std::size_t size = dump.lengths[i];
    if (size == 0 || size > bpf::kMaxInstructions || at + size > kMaxStackInstructions) {
      return tl::unexpected(Unknown::kUnreadable);
    }
    bpf::Program& program = stack[stack.size() - 1 - i];
    program.resize(size);
    std::memcpy(program.data(), instructions + at * sizeof(bpf::Instruction),
                size * sizeof(bpf::Instruction));
    at += size;
  }
  return stack;
}

}  // namespace

// By hand: libbpf is for loading only.
Result<base::UniqueFd> CreateIterator(const base::UniqueFd& link) {
  bpf_attr attributes{};
  attributes.iter_create.link_fd = static_cast<__u32>(link.get());
  const long fd = ::syscall(SYS_bpf, BPF_ITER_CREATE, &attributes, sizeof(attributes));
  if (fd < 0) return Fail(ErrnoError(errno, "create a task iterator"));
  return base::UniqueFd(static_cast<int>(fd));
}

Result<Step> Advance(const base::UniqueFd& iterator) {
  std::array<char, 64> nothing{};  // the programs write nothing
  const ssize_t size = ::read(iterator.get(), nothing.data(), nothing.size());
  if (size == 0) return Step::kEnd;
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Step::kAgain;
  if (size < 0) return Fail(ErrnoError(errno, "read a task iterator"));
  return Fail(ErrorCode::kInternal, "read a task iterator: it wrote something");
}

Result<FilterReader> FilterReader::Open(const OpenOptions& options) {
  TRY_ASSIGN(auto state, LoadIterators(options));
  return FilterReader(std::move(state));
}

FilterReader::FilterReader(std::unique_ptr<ReaderState> state) : state_(std::move(state)) {}
FilterReader::FilterReader(FilterReader&&) noexcept = default;
FilterReader& FilterReader::operator=(FilterReader&&) noexcept = default;
FilterReader::~FilterReader() = default;

Result<void> FilterReader::Scan(std::vector<Task>& tasks) {
  tasks.clear();
  TRY_ASSIGN(const base::UniqueFd iterator, CreateIterator(state_->scan_link));
  state_->scan->count = 0;
  int idle = 0;
  while (tasks.size() <= kMaxTasks && idle < kMaxIdleReads) {
    TRY_ASSIGN(const Step step, Advance(iterator));
    const std::size_t count = std::min<std::size_t>(state_->scan->count, state_->tasks.size());
    for (const seccompd_task& record : state_->tasks.first(count)) {
      tasks.push_back(FromRecord(record));
    }
    state_->scan->count = 0;
    if (step == Step::kEnd) return {};
    idle = count == 0 ? idle + 1 : 0;
  }
  return Fail(ErrorCode::kInternal, "a task iterator does not come to an end");
}

void ReaderState::BeginDump(const TaskId& id) {
  dump->request = ++requests;
  dump->pid = static_cast<std::uint32_t>(id.pid);
  dump->start_ns = id.start_ns;
  dump->exec_id = id.exec_id;
  dump->filter = 0;
  dump->status = SECCOMPD_DUMP_MORE;
}

Result<void> ReaderState::DumpOnce(const base::UniqueFd& iterator, Dump& answer) {
  const DumpRequest& request = answer.request;
  BeginDump(request.id);
  for (int reads = 0; reads < kMaxDumpReads && dump->status == SECCOMPD_DUMP_MORE; ++reads) {
    TRY_ASSIGN(const Step step, Advance(iterator));
    // Past the last task: whoever was asked for has gone.
    if (step == Step::kEnd) dump->status = SECCOMPD_DUMP_GONE;
  }
  answer.filter = dump->filter;
  const bool known = answer.filter != 0 && dump->status != SECCOMPD_DUMP_TORN;
  if (known && request.filter != 0 && answer.filter != request.filter) {
    answer.stack = tl::unexpected(Unknown::kChanged);
  } else if (dump->status == SECCOMPD_DUMP_DONE) {
    answer.stack = CopyStack(*dump, instructions);
  } else {
    answer.stack = tl::unexpected(FromStatus(dump->status));
  }
  return {};
}

Result<void> FilterReader::DumpStacks(std::span<const DumpRequest> requests,
                                      const std::function<void(Dump)>& take) {
  // Ascending, so that one walk over the tasks serves all.
  std::vector<DumpRequest> ordered(requests.begin(), requests.end());
  std::sort(ordered.begin(), ordered.end(),
            [](const DumpRequest& a, const DumpRequest& b) { return a.id < b.id; });
  TRY_ASSIGN(const base::UniqueFd iterator, CreateIterator(state_->dump_link));
  for (const DumpRequest& request : ordered) {
    Dump dump{.request = request};
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
      TRY(state_->DumpOnce(iterator, dump));
      if (dump.stack || dump.stack.error() != Unknown::kTorn) break;
    }
    take(std::move(dump));
  }
  return {};
}

Result<void> Refresh(FilterReader& reader, FilterCache& cache, std::vector<Task>& tasks) {
  TRY(reader.Scan(tasks));
  cache.Update(tasks);
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::vector<DumpRequest> requests = cache.Requests();
    if (requests.empty()) break;
    TRY(reader.DumpStacks(requests, [&cache](Dump dump) { cache.Store(std::move(dump)); }));
  }
  return {};
}

}  // namespace seccompd::filters
