// SPDX-License-Identifier: Apache-2.0
// The only file that knows libbpf: loads the two iterators, keeps their links and mappings, and
// lets the rest go, so that nothing a later intruder could use stays behind.
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string>

#include "common/filters/load_facts.h"
#include "common/filters/load_failure.h"
#include "common/filters/reader_state.h"
// Generated; needs the types of seccomp_iter_abi.h.
#include "seccomp_iter.skel.h"

namespace seccompd::filters {
namespace {

using base::Fail;
using base::Result;

constexpr std::size_t kMaxLog = std::size_t{16} * 1024;

// libbpf's callback has no context, hence this pointer; set only while a LogCapture lives.
std::string* log_sink = nullptr;

[[gnu::format(printf, 2, 0)]] int AppendToLog(libbpf_print_level level, const char* format,
                                              va_list args) {
  if (log_sink == nullptr || level == LIBBPF_DEBUG) return 0;
  char line[1024];
  const int size = std::vsnprintf(line, sizeof(line), format, args);
  if (size > 0) log_sink->append(line, std::min(static_cast<std::size_t>(size), sizeof(line) - 1));
  // The end of a verifier log names the fault.
  if (log_sink->size() > kMaxLog) log_sink->erase(0, log_sink->size() - kMaxLog);
  return size;
}

// Takes what libbpf would print to stderr.
class LogCapture {
 public:
  LogCapture() : previous_(libbpf_set_print(AppendToLog)) { log_sink = &text_; }
  ~LogCapture() {
    log_sink = nullptr;
    libbpf_set_print(previous_);
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  [[nodiscard]] const std::string& Text() const { return text_; }

 private:
  libbpf_print_fn_t previous_;
  std::string text_;
};

struct Destroy {
  void operator()(seccomp_iter* skeleton) const { seccomp_iter__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<seccomp_iter, Destroy>;

Result<base::UniqueFd> Duplicate(int fd) {
  base::UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return Fail(base::ErrnoError(errno, "duplicate an iterator link"));
  return copy;
}

std::size_t ArrayBytes(const bpf_map* map) {
  const std::size_t value = bpf_map__value_size(map);
  return (value + 7) / 8 * 8 * bpf_map__max_entries(map);
}

Result<Mapping> MapArray(const bpf_map* map, int protection) {
  return Mapping::Map(bpf_map__fd(map), ArrayBytes(map), protection);
}

// Everything up to a loaded, attached object; `log` gets libbpf's words. An error is an errno.
tl::expected<Skeleton, int> Load(const OpenOptions& options, std::size_t& bytes) {
  Skeleton skeleton(seccomp_iter__open());
  if (!skeleton) return tl::unexpected(errno);
  std::uint64_t keys[2] = {};
  if (::getrandom(keys, sizeof(keys), 0) != sizeof(keys)) return tl::unexpected(EIO);
  skeleton->rodata->key_before = keys[0];
  skeleton->rodata->key_after = keys[1];
  const std::uint32_t records = std::clamp<std::uint32_t>(options.records, 1, 32768);
  if (int rc = bpf_map__set_max_entries(skeleton->maps.records, records); rc != 0) {
    return tl::unexpected(-rc);
  }
  bytes = ArrayBytes(skeleton->maps.records) + ArrayBytes(skeleton->maps.arena) +
          ArrayBytes(skeleton->maps.bss);
  if (int rc = seccomp_iter__load(skeleton.get()); rc != 0) return tl::unexpected(-rc);
  if (int rc = seccomp_iter__attach(skeleton.get()); rc != 0) return tl::unexpected(-rc);
  return skeleton;
}

}  // namespace

Result<std::unique_ptr<ReaderState>> LoadIterators(const OpenOptions& options) {
  LogCapture log;
  std::size_t bytes = 0;
  auto loaded = Load(options, bytes);
  if (!loaded) {
    LoadFailure failure = GatherLoadFacts();
    failure.sys_errno = loaded.error();
    failure.log = log.Text();
    failure.memlock_needed = bytes;
    return Fail(Explain(failure));
  }
  const seccomp_iter& skeleton = **loaded;
  auto state = std::make_unique<ReaderState>();
  TRY_ASSIGN(state->scan_link, Duplicate(bpf_link__fd(skeleton.links.scan_tasks)));
  TRY_ASSIGN(state->dump_link, Duplicate(bpf_link__fd(skeleton.links.dump_filters)));
  TRY_ASSIGN(state->control, MapArray(skeleton.maps.bss, PROT_READ | PROT_WRITE));
  TRY_ASSIGN(state->records, MapArray(skeleton.maps.records, PROT_READ));
  TRY_ASSIGN(state->arena, MapArray(skeleton.maps.arena, PROT_READ));

  using Control = seccomp_iter::seccomp_iter__bss;
  auto* control = static_cast<Control*>(state->control.data());
  state->scan = &control->scan;
  state->dump = &control->dump;
  state->tasks = {static_cast<const seccompd_task*>(state->records.data()),
                  bpf_map__max_entries(skeleton.maps.records)};
  state->instructions = static_cast<const unsigned char*>(state->arena.data());
  return state;
}

}  // namespace seccompd::filters
