// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/document/document.h"
#include "common/kube/config_map.h"

namespace seccompd::agent {

// The ConfigMaps of one namespace and label inside a vector that several share, sorted by namespace
// and name: texts are held once. An object that cannot be read keeps what it held, and its error is
// remembered. Pure.
class ConfigMapSet {
 public:
  // `checks`: those with the label seccompd.io/checks=true are ours, else those without.
  ConfigMapSet(std::string namespace_name, bool checks, std::vector<kube::ConfigMap>* all);

  void Collect(const document::Node& object);
  void DropPending();
  // True if something that matters changed.
  [[nodiscard]] bool Replace();
  [[nodiscard]] bool Upsert(const document::Node& object);
  [[nodiscard]] bool Remove(const document::Node& object);

  // "namespace/name" of everything the server says there is, readable or not.
  [[nodiscard]] std::set<std::string, std::less<>> Names() const;
  [[nodiscard]] const std::map<std::string, base::Error>& problems() const { return problems_; }

 private:
  using Maps = std::vector<kube::ConfigMap>;
  [[nodiscard]] bool IsOurs(const kube::ConfigMap& map) const;
  [[nodiscard]] Maps::iterator Place(std::string_view name);
  [[nodiscard]] kube::ConfigMap* Find(std::string_view name);
  bool Put(kube::ConfigMap map);
  bool Erase(std::string_view name);

  std::string namespace_;
  bool checks_;
  Maps* all_;
  std::set<std::string, std::less<>> names_;
  std::map<std::string, base::Error> problems_;  // by name
  std::vector<kube::ConfigMap> pending_;
  std::map<std::string, base::Error> pending_problems_;
};

}  // namespace seccompd::agent
