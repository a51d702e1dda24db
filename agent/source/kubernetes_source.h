// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/log.h"
#include "agent/source/source.h"
#include "common/kube/api_client.h"
#include "common/kube/collection_loop.h"
#include "common/net/waits.h"

namespace seccompd::agent {

struct KubernetesProfilesOptions {
  std::vector<std::string> trusted;  // namespaces
  std::vector<std::string> tenants;
  bool checks = false;  // also ConfigMaps labelled seccompd.io/checks=true, of trusted namespaces
  std::string impersonate_user = {};
  kube::CollectionOptions collection = {};
  std::chrono::milliseconds confirm_retry{60'000};  // after a quorum LIST that failed
};

// `--source kubernetes`: the labelled ConfigMaps of some namespaces, each followed by its own
// watch. An object that cannot be read keeps what it held; a namespace that was not yet read is
// held.
class KubernetesProfiles : public ProfileSource {
 public:
  // Borrowed: the client and the log.
  KubernetesProfiles(boost::asio::io_context& io, kube::ApiClient& client,
                     KubernetesProfilesOptions options, const Log& log);
  ~KubernetesProfiles() override;

  void Start(net::Supervisor& supervisor, OnChange changed) override;
  [[nodiscard]] const ProfileContents& profiles() const override { return contents_; }
  // Every trusted namespace was read, every tenant's read or refused.
  [[nodiscard]] bool synced() const override;
  void Confirm() override;
  [[nodiscard]] bool confirmed() const override { return confirmed_; }

  // For health, metrics and status: namespace and loop.
  [[nodiscard]] std::vector<std::pair<std::string, const kube::CollectionLoop*>> loops() const;
  [[nodiscard]] std::size_t objects() const { return contents_.config_maps.size(); }

 private:
  class Space;  // one namespace and label
  [[nodiscard]] boost::asio::awaitable<base::Result<>> FollowConfirmations();
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> ConfirmAll();
  void Changed();

  kube::ApiClient& client_;
  KubernetesProfilesOptions options_;
  const Log& log_;
  net::Wakeup confirm_;
  OnChange changed_;
  std::list<Space> spaces_;
  ProfileContents contents_;  // config_maps sorted by namespace and name
  bool confirmed_ = false;
};

}  // namespace seccompd::agent
