// SPDX-License-Identifier: Apache-2.0
#include "agent/source/directory_follower.h"

#include <utility>

#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;
using std::chrono::steady_clock;

asio::awaitable<Result<>> Follow(asio::io_context* io, DirectorySource* source, OnChange changed) {
  for (;;) {
    const base::MonoTime due = source->Due();
    if (source->fd() >= 0) {
      auto made = net::ReadableFd::Make(*io, source->fd());
      if (!made) co_return base::Fail(made.error());
      net::ReadableFd readable = *std::move(made);
      auto waited = co_await readable.WaitUntil(due);
      if (!waited) co_return base::Fail(waited.error());
    } else {
      auto slept = co_await net::SleepUntil(due);
      if (!slept) co_return base::Fail(slept.error());
    }
    if (source->Update(steady_clock::now())) changed();
  }
}

}  // namespace

DirectoryProfiles::DirectoryProfiles(asio::io_context& io, std::string path)
    : io_(io), source_(std::move(path), {}) {
  static_cast<void>(source_.Update(steady_clock::now()));
}

void DirectoryProfiles::Start(net::Supervisor& supervisor, OnChange changed) {
  supervisor.Spawn("source", Follow(&io_, &source_, std::move(changed)));
}

DirectoryPods::DirectoryPods(asio::io_context& io, std::string path)
    : io_(io), source_(std::move(path), {.bare_profiles = false}) {
  static_cast<void>(source_.Update(steady_clock::now()));
}

void DirectoryPods::Start(net::Supervisor& supervisor, OnChange changed) {
  supervisor.Spawn("pods", Follow(&io_, &source_, std::move(changed)));
}

bool DirectoryPods::complete() const {
  return source_.contents().complete && source_.contents().problems.empty();
}

}  // namespace seccompd::agent
