// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/procfs/scripted_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <future>
#include <thread>

#include "common/base/unique_fd.h"

namespace seccompd::procfs {
namespace {

constexpr int kPollMs = 10;
constexpr std::size_t kPage = 4'096;

// Of the calling thread only; the descriptor on which its calls are announced, or -1.
int AnnounceCalls() {
  std::array<sock_filter, 6> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getdents64, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return static_cast<int>(
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

// The thread is of this process: its descriptors and its memory are ours.
template <class T>
T* PointerOf(std::uint64_t argument) {
  return reinterpret_cast<T*>(argument);  // NOLINT(performance-no-int-to-ptr): a call's argument
}

std::string PathOf(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

Call Decode(const seccomp_data& data) {
  Call call;
  const auto fd = static_cast<int>(data.args[0]);
  call.path = fd == AT_FDCWD ? std::string() : PathOf(fd);
  if (data.nr == SYS_openat) {
    const auto* const name = PointerOf<const char>(data.args[1]);
    call.path = *name == '/' ? name : call.path + "/" + name;
  } else {
    call.kind = data.nr == SYS_pread64 ? Call::Kind::kRead : Call::Kind::kList;
  }
  return call;
}

// In the place of the thread.
ssize_t ReadPage(const seccomp_data& data) {
  EXPECT_EQ(data.nr, SYS_pread64);
  auto* const buffer = PointerOf<char>(data.args[1]);
  const std::size_t size = std::min<std::size_t>(data.args[2], kPage);
  return ::pread(static_cast<int>(data.args[0]), buffer, size, static_cast<off_t>(data.args[3]));
}

void Answer(int listener, const CallScript& script) {
  seccomp_notif notice{};
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0) return;  // the thread is gone
  const int verdict = script(Decode(notice.data));
  seccomp_notif_resp answer{};
  answer.id = notice.id;
  if (verdict > 0) answer.error = -verdict;
  if (verdict == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (verdict == kShort) answer.val = ReadPage(notice.data);
  EXPECT_EQ(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0) << errno;
}

}  // namespace

void RunScripted(const CallScript& script, const std::function<void()>& body) {
  std::promise<int> announced;
  std::atomic<bool> done = false;
  std::thread worker([&] {
    const int fd = AnnounceCalls();
    const int error = errno;
    announced.set_value(fd);
    EXPECT_GE(fd, 0) << "seccomp user notification: errno " << error;
    if (fd >= 0) body();
    done = true;
  });
  const base::UniqueFd listener(announced.get_future().get());
  while (!done) {
    pollfd waiting{.fd = listener.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMs) > 0 && (waiting.revents & POLLIN) != 0) {
      Answer(listener.get(), script);
    }
  }
  worker.join();
}

}  // namespace seccompd::procfs
