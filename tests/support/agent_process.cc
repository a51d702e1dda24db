// SPDX-License-Identifier: Apache-2.0
#include "tests/support/agent_process.h"

#include <signal.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

using std::chrono::milliseconds;

// The address of the first log line {"msg":"listening","address":"HOST:PORT",...}.
std::optional<std::string> ListeningAddress(const std::string& log) {
  for (const std::string_view line : base::Split(log, '\n')) {
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(line, error);
    const boost::json::object* object = error ? nullptr : value.if_object();
    if (object == nullptr) continue;
    const auto* message = object->if_contains("msg");
    const auto* address = object->if_contains("address");
    if (message == nullptr || address == nullptr || *message != "listening") continue;
    if (const auto* text = address->if_string()) return std::string(text->begin(), text->end());
  }
  return std::nullopt;
}

}  // namespace

base::Result<AgentProcess> AgentProcess::Start(std::vector<std::string> flags, milliseconds timeout,
                                               const std::vector<std::string>& launcher) {
  std::vector<std::string> argv = launcher;
  argv.insert(argv.end(), {SECCOMPD_BINARY, "run", "--web.listen-address", "127.0.0.1:0"});
  argv.insert(argv.end(), flags.begin(), flags.end());
  Command command{.argv = std::move(argv)};
  // LeakSanitizer stops its process by ptrace(2) from a clone, both of which a confined agent has
  // given up. With --confinement off leaks are found.
  const bool confined =
      std::find(command.argv.begin(), command.argv.end(), "off") == command.argv.end();
  if (confined) command.env["ASAN_OPTIONS"] = "detect_leaks=0";
  TRY_ASSIGN(ChildProcess child, ChildProcess::Start(command));
  std::optional<std::string> address;
  const bool ready = WaitFor(timeout, [&] {
    if (!child.Running()) return true;
    if (!address) address = ListeningAddress(child.ErrSoFar());
    if (!address) return false;
    const auto reply = HttpGet(*address, "/readyz");
    return reply && reply->status == 200;
  });
  if (!ready || !address || !child.Running()) {
    return base::Fail(base::ErrorCode::kFailedPrecondition, std::string("the agent ") +
                                                                (ready ? "ended" : "is not ready") +
                                                                "; its log:\n" + child.ErrSoFar());
  }
  return AgentProcess(std::move(child), *std::move(address));
}

base::Result<HttpReply> AgentProcess::Get(const std::string& path) const {
  return HttpGet(address_, path);
}

std::optional<double> AgentProcess::Metric(std::string_view series) const {
  const auto reply = Get("/metrics");
  if (!reply || reply->status != 200) return std::nullopt;
  return FindSample(reply->body, series);
}

int AgentProcess::Stop(milliseconds timeout) {
  child_.Signal(SIGTERM);
  if (const auto outcome = child_.Wait(timeout)) return outcome->exit_code;
  Kill();
  return 128 + SIGKILL;
}

int AgentProcess::WaitExit(milliseconds timeout) {
  const auto outcome = child_.Wait(timeout);
  return outcome ? outcome->exit_code : -1;
}

void AgentProcess::Kill() {
  child_.Signal(SIGKILL);
  [[maybe_unused]] const auto outcome = child_.Wait(std::chrono::seconds(10));
}

std::string SeccompdPath() { return SECCOMPD_BINARY; }

base::Result<Outcome> RunSeccompd(std::vector<std::string> args, std::string stdin_text,
                                  milliseconds timeout) {
  args.insert(args.begin(), SECCOMPD_BINARY);
  return RunCommand({.argv = std::move(args), .stdin_text = std::move(stdin_text)}, timeout);
}

}  // namespace seccompd::test_support
