// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/document/document.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

// The pods of one node, packed (kube/pod_pack.h): a pod costs well under 1 KiB. A pod that cannot
// be read keeps what it was and counts as a problem. Pure.
class PackedPods {
 public:
  void Collect(const document::Node& object);
  void DropPending();
  // True if something that matters changed.
  [[nodiscard]] bool Replace();
  [[nodiscard]] bool Upsert(const document::Node& object);
  [[nodiscard]] bool Remove(const document::Node& object);

  [[nodiscard]] std::vector<kube::Pod> All() const;
  [[nodiscard]] std::size_t size() const { return pods_.size(); }
  [[nodiscard]] std::size_t problems() const;  // pods that could not be read
  [[nodiscard]] std::size_t bytes() const;     // of the packed pods

 private:
  // By namespace/name; "" for a pod that never could be read. A name is enough: a successor of the
  // same name is another pod only after the first was deleted.
  using Pods = std::map<std::string, std::string, std::less<>>;
  Pods pods_;
  Pods pending_;
};

}  // namespace seccompd::agent
