// SPDX-License-Identifier: Apache-2.0
// How the install loop notices what others do to the seccomp root.
#include <chrono>
#include <utility>

#include "agent/daemon/install_loop.h"
#include "common/host/host_root.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::MonoTime;
using base::Result;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kRootCheck{5};    // a removed root sends no event through a bind mount
constexpr seconds kScanWithout{5};  // inotify's instances are all taken: look at every file
constexpr std::size_t kMostPathsAtOnce = 1'000;  // beyond, one full look is cheaper

}  // namespace

void InstallLoop::StartWatch() {
  host::TreeWatchOptions options;
  options.skip = {std::string(install::kStateDirectory)};
  auto watch = host::TreeWatch::Make(installer_->rootfd(), std::move(options));
  if (watch) {
    watch_ = *std::move(watch);
  } else {
    watch_.reset();
    log_.Warning("no inotify for the seccomp directory, scanning it instead",
                 {{"error", watch.error().message}});
  }
}

// True: something may have changed below the root. False: only time has passed.
asio::awaitable<Result<bool>> InstallLoop::AwaitChange() {
  if (!watch_) {
    auto slept = co_await net::SleepFor(kScanWithout);
    if (!slept) co_return base::Fail(slept.error());
    co_return true;
  }
  auto made = net::ReadableFd::Make(io_, watch_->fd());
  if (!made) co_return base::Fail(made.error());
  net::ReadableFd readable = *std::move(made);
  const MonoTime deadline = steady_clock::now() + kRootCheck;
  auto waited = co_await readable.WaitUntil(deadline);
  co_return waited;
}

// What changed is what the next pass looks at, which begins now.
void InstallLoop::TakeChanges() {
  if (watch_) {
    const auto changes = watch_->Drain();
    glance_.all = glance_.all || !changes || changes->overflow;
    if (changes) {
      for (const auto& [path, kinds] : changes->paths) glance_.paths.insert(path);
    }
    if (glance_.paths.size() > kMostPathsAtOnce) glance_.all = true;
  } else {
    glance_.all = true;
  }
  wakeup_.Notify();
}

asio::awaitable<Result<>> InstallLoop::WatchRoot() {
  for (;;) {
    auto changed = co_await AwaitChange();
    if (!changed) co_return base::Fail(changed.error());
    if (*changed) TakeChanges();
    const auto reopened = ReopenIfLost();
    if (!reopened) co_return reopened;
  }
}

Result<> InstallLoop::ReopenIfLost() {
  if (installer_ && installer_->CheckRoot() == host::RootState::kPresent) return {};
  if (installer_) {
    log_.Error("seccomp directory was removed or replaced",
               {{"path", config_.seccomp_root}, {"action", "opening it anew"}});
    state_.install_error = base::Error{.code = base::ErrorCode::kGone,
                                       .message = config_.seccomp_root + ": removed or replaced"};
    watch_.reset();
    installer_.reset();
  }
  const auto opened = Open();
  if (!opened) {
    if (pinned_root_ && opened.error().code == base::ErrorCode::kPermissionDenied) {
      return base::Fail(
          base::ErrorCode::kGone,
          config_.seccomp_root + " is another directory now, where this process may not write");
    }
    state_.install_error = base::WithContext(opened.error(), config_.seccomp_root);
    return {};
  }
  log_.Info("seccomp directory opened anew", {{"path", config_.seccomp_root}});
  wakeup_.Notify();
  return {};
}

}  // namespace seccompd::agent
