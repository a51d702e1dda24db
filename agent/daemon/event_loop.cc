// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/event_loop.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/net/url.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;
using metrics::EventReason;
using std::chrono::seconds;

constexpr seconds kPeriod{30};  // of looking; an audit is as often
constexpr seconds kTimeout{10};
constexpr std::size_t kMostDiagnostics = 8;

std::optional<EventReason> ReasonOf(audit::Verdict verdict) {
  switch (verdict) {
    case audit::Verdict::kNotEnforced:
      return EventReason::kNotEnforced;
    case audit::Verdict::kStale:
      return EventReason::kStale;
    case audit::Verdict::kWeaker:
      return EventReason::kWeaker;
    default:
      return std::nullopt;  // the others are for metrics and the command line
  }
}

std::optional<EventReason> ReasonNamed(std::string_view name) {
  for (std::size_t i = 0; i < metrics::Per<EventReason>::kSize; ++i) {
    const auto reason = static_cast<EventReason>(i);
    if (metrics::LabelName(reason) == name) return reason;
  }
  return std::nullopt;
}

kube::EventTarget PodTarget(const std::string& space, const std::string& name, std::string uid,
                            const std::string& container) {
  return {.kind = "Pod",
          .namespace_name = space,
          .name = name,
          .uid = std::move(uid),
          .field_path = container.empty() ? "" : "spec.containers{" + container + "}"};
}

kube::EventOffer OfferFor(EventReason reason, std::string action, kube::EventTarget target,
                          const std::string& note) {
  return {.note = {.reason = std::string(metrics::LabelName(reason)),
                   .action = std::move(action),
                   .target = std::move(target),
                   .note = base::Printable(note)}};
}

void AddRows(const audit::Report& report, std::vector<kube::EventOffer>* out) {
  for (const audit::Row& row : report.rows) {
    const auto reason = ReasonOf(row.judgement.verdict);
    if (!row.judgement.alarm || !reason || row.pod.empty()) continue;
    std::string note = fmt::format("container {} asks for {}: {}", row.container,
                                   audit::AskedText(row.asked), row.judgement.why);
    if (*reason == EventReason::kStale) note += "; restart it to get the current revision";
    out->push_back(OfferFor(*reason, "Audit",
                            PodTarget(row.namespace_name, row.pod, row.pod_uid, row.container),
                            note));
  }
}

void AddFindings(const audit::Report& report, std::span<const kube::Pod> pods,
                 std::vector<kube::EventOffer>* out) {
  std::map<std::pair<std::string, std::string>, std::string> uids;
  if (!report.findings.empty()) {
    for (const kube::Pod& pod : pods) {
      uids[{pod.meta.namespace_name, pod.meta.name}] = pod.meta.uid;
    }
  }
  for (const audit::Finding& finding : report.findings) {
    if (finding.kind == audit::FindingKind::kPendingProfile) continue;  // about to come
    std::string note =
        fmt::format("container {} asks for the profile {}, ", finding.container, finding.path);
    note += finding.kind == audit::FindingKind::kInvalidProfile
                ? "every version of which was refused: there is no file on this node"
                : "which is not on this node and which no ConfigMap offers";
    if (!finding.nearest.empty()) note += "; did you mean " + finding.nearest + "?";
    out->push_back(
        OfferFor(EventReason::kMissing, "Audit",
                 PodTarget(finding.namespace_name, finding.pod,
                           uids[{finding.namespace_name, finding.pod}], finding.container),
                 note));
  }
}

std::string DiagnosticsOf(const install::DesiredFile& file) {
  if (file.claim.error) return file.claim.path + ": " + *file.claim.error;
  std::string text;
  std::size_t errors = 0;
  for (const seccomp::Diagnostic& diagnostic : file.prepared.diagnostics) {
    if (diagnostic.severity != seccomp::Severity::kError) continue;
    if (++errors > kMostDiagnostics) break;
    text += fmt::format("{}{} {} {}", text.empty() ? file.claim.path + ": " : "; ", diagnostic.code,
                        diagnostic.pointer, diagnostic.message);
  }
  return text;
}

void AddInvalid(const install::Desired& desired, std::span<const kube::ConfigMap> maps,
                std::vector<kube::EventOffer>* out) {
  std::map<std::string, std::string> notes;  // by owner: one Event for a ConfigMap
  for (const install::DesiredFile& file : desired.files) {
    if (file.prepared.valid() || file.claim.owner.empty()) continue;
    std::string& note = notes[file.claim.owner];
    note += (note.empty() ? "" : "; ") + DiagnosticsOf(file);
  }
  if (notes.empty()) return;
  for (const kube::ConfigMap& map : maps) {
    const auto note = notes.find(map.meta.namespace_name + "/" + map.meta.name);
    if (note == notes.end() || map.meta.uid.empty()) continue;  // not from an API server
    kube::EventTarget target{.kind = "ConfigMap",
                             .namespace_name = map.meta.namespace_name,
                             .name = map.meta.name,
                             .uid = map.meta.uid};
    out->push_back(OfferFor(EventReason::kInvalid, "Validate", std::move(target), note->second));
    out->back().shared = true;
  }
}

}  // namespace

std::vector<kube::EventOffer> OffersOf(const NodeState& state, std::span<const kube::Pod> pods,
                                       const install::Desired& desired,
                                       std::span<const kube::ConfigMap> maps) {
  std::vector<kube::EventOffer> offers;
  if (state.audit) {
    AddRows(*state.audit, &offers);
    AddFindings(*state.audit, pods, &offers);
  }
  AddInvalid(desired, maps, &offers);
  return offers;
}

EventLoop::EventLoop(kube::ApiClient& client, std::string node_name, double sampled, Offers offers,
                     const Log& log, NodeState& state)
    : client_(client),
      reporter_{.instance = "seccompd-" + std::move(node_name)},
      budget_({.sampled = sampled}, [&client] { return client.random(); }),
      offers_(std::move(offers)),
      log_(log),
      state_(state) {}

asio::awaitable<Result<>> EventLoop::Run() {
  for (;;) {
    auto slept = co_await net::SleepFor(kPeriod);
    if (!slept) co_return slept;
    const std::vector<kube::EventOffer> offers = offers_();
    const kube::EventDecision decision =
        budget_.Offer(offers, std::chrono::steady_clock::now(), base::WallNow());
    for (const kube::EventNote& note : decision.dropped) {
      if (const auto reason = ReasonNamed(note.reason)) ++state_.events_dropped[*reason];
    }
    for (const kube::EventWrite& write : decision.writes) {
      auto written = co_await Write(write);
      if (!written) co_return written;
    }
  }
}

kube::ApiCall EventLoop::CallFor(const kube::EventWrite& write) const {
  const std::string collection = "/apis/events.k8s.io/v1/namespaces/" +
                                 net::EncodeUrlText(write.note.target.namespace_name) + "/events";
  kube::ApiCall call;
  call.timeout = kTimeout;
  if (write.count == 0) {
    call.verb = "create";
    call.method = "POST";
    call.target = collection;
    call.content_type = "application/json";
    call.body = kube::RenderEvent(write.note, write.name, reporter_, write.last_observed);
  } else {
    call.verb = "patch";
    call.method = "PATCH";
    call.target = collection + "/" + net::EncodeUrlText(write.name);
    call.content_type = "application/strategic-merge-patch+json";
    call.body = kube::RenderSeriesPatch(write.count, write.last_observed);
  }
  return call;
}

asio::awaitable<Result<>> EventLoop::Write(kube::EventWrite write) {
  kube::ApiCall call = CallFor(write);
  auto reply = co_await client_.Call(std::move(call));
  if (!reply && reply.error().code == base::ErrorCode::kCancelled) {
    co_return base::Fail(reply.error());
  }
  TakeAnswer(write, reply);
  co_return Result<>{};
}

void EventLoop::TakeAnswer(const kube::EventWrite& write, const Result<kube::ApiReply>& reply) {
  const auto reason = ReasonNamed(write.note.reason);
  if (reply && reply->status / 100 == 2) {
    budget_.Written(write, std::chrono::steady_clock::now());
    if (reason) ++state_.events_emitted[*reason];
    problem_.clear();
    return;
  }
  budget_.Failed(write, reply && reply->status == 404, std::chrono::steady_clock::now());
  if (reason) ++state_.events_dropped[*reason];
  const base::Error error =
      reply ? kube::ErrorOfReply(reply->status, reply->body, "write an Event") : reply.error();
  if (problem_ != error.message) {
    log_.Warning("an Event could not be written", {{"error", error.message}});
  }
  problem_ = error.message;
}

}  // namespace seccompd::agent
