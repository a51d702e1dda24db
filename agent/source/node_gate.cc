// SPDX-License-Identifier: Apache-2.0
#include "agent/source/node_gate.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::Result;
using document::Kind;
using document::Node;

// A taint is flat: its members are scalars.
Result<std::string> TaintText(const Node& taint) {
  if (taint.kind != Kind::kObject) {
    return base::Fail(ErrorCode::kInvalidArgument, "the node has a taint that is no object");
  }
  std::string text = "{";
  for (const document::Member& member : taint.members) {
    if (text.size() > 1) text += ',';
    text += '"' + base::EscapeJson(member.key) + "\":";
    switch (member.value.kind) {
      case Kind::kString:
        text += '"' + base::EscapeJson(member.value.scalar) + '"';
        break;
      case Kind::kNumber:
      case Kind::kBool:
        text += member.value.scalar;
        break;
      case Kind::kNull:
        text += "null";
        break;
      case Kind::kArray:
      case Kind::kObject:
        return base::Fail(ErrorCode::kInvalidArgument, "the node has a taint of unknown form");
    }
  }
  return text + "}";
}

std::string NodeTarget(const std::string& name) {
  // Node names are DNS subdomains: nothing in them needs escaping.
  return "/api/v1/nodes/" + name;
}

// True: the taint is gone. False: somebody changed the taints in between, so look again.
asio::awaitable<Result<bool>> TryOnce(kube::ApiClient* client, const NodeGateOptions* options) {
  std::string target = NodeTarget(options->node_name);
  auto node = co_await client->Get(target);
  if (!node) co_return base::Fail(node.error());
  auto patch = TaintPatch(*node, options->taint_key);
  if (!patch) co_return base::Fail(patch.error());
  if (!*patch) co_return true;
  std::string body = **patch;
  auto patched = co_await client->Patch(target, kube::PatchType::kJson, body);
  if (patched) co_return true;
  const ErrorCode code = patched.error().code;
  if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kAlreadyExists) co_return false;
  co_return base::Fail(patched.error());
}

}  // namespace

bool AllPlaced(std::span<const install::ProfileRow> profiles) {
  return std::none_of(profiles.begin(), profiles.end(), [](const install::ProfileRow& row) {
    return row.state == install::ProfileState::kPending;
  });
}

Result<std::optional<std::string>> TaintPatch(const Node& node, const std::string& key) {
  const Node* spec = node.kind == Kind::kObject ? node.Find("spec") : nullptr;
  const Node* taints =
      spec != nullptr && spec->kind == Kind::kObject ? spec->Find("taints") : nullptr;
  if (taints == nullptr || taints->kind == Kind::kNull) return std::optional<std::string>();
  if (taints->kind != Kind::kArray) {
    return base::Fail(ErrorCode::kInvalidArgument, "the node's taints are no list");
  }
  std::string before;
  std::string after;
  bool ours = false;
  for (const Node& taint : taints->items) {
    TRY_ASSIGN(const std::string text, TaintText(taint));
    before += (before.empty() ? "" : ",") + text;
    const Node* name = taint.Find("key");
    if (name != nullptr && name->kind == Kind::kString && name->scalar == key) {
      ours = true;
    } else {
      after += (after.empty() ? "" : ",") + text;
    }
  }
  if (!ours) return std::optional<std::string>();
  return "[{\"op\":\"test\",\"path\":\"/spec/taints\",\"value\":[" + before +
         "]},{\"op\":\"replace\",\"path\":\"/spec/taints\",\"value\":[" + after + "]}]";
}

asio::awaitable<Result<>> OpenNodeGate(kube::ApiClient& client, NodeGateOptions options,
                                       std::function<bool()> ready, const Log& log) {
  while (!ready()) {
    auto slept = co_await net::SleepFor(options.look_again);
    if (!slept) co_return slept;
  }
  std::chrono::milliseconds pause = options.look_again;
  for (;;) {
    auto opened = co_await TryOnce(&client, &options);
    if (opened && *opened) break;
    if (opened) {
      log.Info("the node's taints changed meanwhile, looking again");
      pause = options.look_again;
    } else {
      if (opened.error().code == ErrorCode::kCancelled) co_return base::Fail(opened.error());
      log.Warning("cannot open the node gate, trying again", {{"error", opened.error().message}});
    }
    auto slept = co_await net::SleepFor(pause);
    if (!slept) co_return slept;
    if (!opened) pause = std::min(options.most_pause, pause * 2);
  }
  log.Info("the node gate is open", {{"taint", options.taint_key}});
  co_return Result<>{};
}

}  // namespace seccompd::agent
