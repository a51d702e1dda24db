// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes_source.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/source/config_map_set.h"
#include "common/base/strings.h"
#include "common/net/url.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;

constexpr std::string_view kProfilesSelector = "seccompd.io/profiles=true";
constexpr std::string_view kChecksSelector = "seccompd.io/checks=true";

}  // namespace

// Puts what one watch says into the contents.
class KubernetesProfiles::Space : public kube::CollectionSink {
 public:
  Space(KubernetesProfiles& owner, std::string name, std::string_view selector, bool trusted)
      : owner_(owner),
        name_(std::move(name)),
        trusted_(trusted),
        set_(name_, selector == kChecksSelector, &owner.contents_.config_maps),
        loop_(owner.client_,
              {.resource = "configmaps",
               .path = "/api/v1/namespaces/" + net::EncodeUrlText(name_) + "/configmaps",
               .label_selector = std::string(selector),
               .impersonate_user = owner.options_.impersonate_user},
              owner.options_.collection, *this) {}

  void Collect(document::Node object) override { set_.Collect(object); }
  void Replace() override { Told(set_.Replace()); }
  void DropPending() override { set_.DropPending(); }
  void Upsert(document::Node object) override { Told(set_.Upsert(object)); }
  void Remove(document::Node object) override { Told(set_.Remove(object)); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool trusted() const { return trusted_; }
  [[nodiscard]] kube::CollectionLoop& loop() { return loop_; }
  [[nodiscard]] const kube::CollectionLoop& loop() const { return loop_; }
  [[nodiscard]] const ConfigMapSet& set() const { return set_; }
  [[nodiscard]] bool listed() const { return listed_; }

 private:
  // The loop calls health synced only after the sink returned.
  void Told(bool changed) {
    const bool first = !std::exchange(listed_, true);
    if (changed || first) owner_.Changed();
  }

  KubernetesProfiles& owner_;
  std::string name_;
  bool trusted_;
  ConfigMapSet set_;
  kube::CollectionLoop loop_;
  bool listed_ = false;
};

KubernetesProfiles::KubernetesProfiles(asio::io_context& io, kube::ApiClient& client,
                                       KubernetesProfilesOptions options, const Log& log)
    : client_(client), options_(std::move(options)), log_(log), confirm_(io) {
  for (const std::string& name : options_.trusted) {
    spaces_.emplace_back(*this, name, kProfilesSelector, true);
    contents_.held_namespaces.insert(name);
    if (options_.checks) spaces_.emplace_back(*this, name, kChecksSelector, true);
  }
  for (const std::string& name : options_.tenants) {
    spaces_.emplace_back(*this, name, kProfilesSelector, false);
    contents_.held_namespaces.insert(name);
  }
}

KubernetesProfiles::~KubernetesProfiles() = default;

void KubernetesProfiles::Start(net::Supervisor& supervisor, OnChange changed) {
  changed_ = std::move(changed);
  for (Space& space : spaces_) {
    supervisor.Spawn("configmaps of " + space.name(), space.loop().Run());
  }
  supervisor.Spawn("confirm", FollowConfirmations());
}

void KubernetesProfiles::Changed() {
  contents_.problems.clear();
  contents_.held_namespaces.clear();
  for (const Space& space : spaces_) {
    // An object that never could be read may own files.
    if (!space.listed() || !space.set().problems().empty()) {
      contents_.held_namespaces.insert(space.name());
    }
    for (const auto& [name, error] : space.set().problems()) {
      contents_.problems.push_back({"ConfigMap " + space.name() + "/" + name, error});
    }
  }
  changed_();
}

std::vector<std::pair<std::string, const kube::CollectionLoop*>> KubernetesProfiles::loops() const {
  std::vector<std::pair<std::string, const kube::CollectionLoop*>> loops;
  for (const Space& space : spaces_) loops.emplace_back(space.name(), &space.loop());
  return loops;
}

bool KubernetesProfiles::synced() const {
  return std::all_of(spaces_.begin(), spaces_.end(), [](const Space& space) {
    return space.listed() || (!space.trusted() && space.loop().health().forbidden);
  });
}

void KubernetesProfiles::Confirm() {
  confirmed_ = false;
  confirm_.Notify();
}

asio::awaitable<Result<>> KubernetesProfiles::FollowConfirmations() {
  for (;;) {
    auto asked = co_await confirm_.Wait();
    if (!asked) co_return asked;
    while (!confirmed_) {
      auto answer = co_await ConfirmAll();
      if (!answer && answer.error().code == base::ErrorCode::kCancelled) {
        co_return base::Fail(answer.error());
      }
      confirmed_ = answer && *answer;
      if (confirmed_) break;
      if (!answer) {
        log_.Warning("cannot confirm that profiles are gone, keeping them",
                     {{"error", answer.error().message}});
      }
      const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(
          options_.confirm_retry * (1.0 + client_.random()));
      auto slept = co_await net::SleepFor(pause);
      if (!slept) co_return slept;
    }
    Changed();
  }
}

// True when the server's storage agrees with what every namespace holds here. Where it has more, a
// cache has lied: everything is asked for again.
asio::awaitable<Result<bool>> KubernetesProfiles::ConfirmAll() {
  bool agreed = true;
  for (Space& space : spaces_) {
    if (!space.listed()) continue;  // held as it is
    auto list = co_await space.loop().ConfirmByQuorum();
    if (!list) co_return base::Fail(base::WithContext(list.error(), space.name()));
    if (list->names == space.set().Names()) continue;
    log_.Warning("the API server's watch cache and its storage differ, listing again",
                 {{"namespace", space.name()}});
    space.loop().RequestResync();
    agreed = false;
  }
  co_return agreed;
}

}  // namespace seccompd::agent
