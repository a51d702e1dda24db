// SPDX-License-Identifier: Apache-2.0
#include "agent/source/config_map_set.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/install/desired.h"

namespace seccompd::agent {
namespace {

// The name alone, of an object that may be unreadable otherwise.
std::string NameOf(const document::Node& object) {
  const document::Node* metadata = object.Find("metadata");
  const document::Node* name = metadata == nullptr ? nullptr : metadata->Find("name");
  return name == nullptr ? std::string() : name->scalar;
}

// What nobody reads and a server's bookkeeping fills: last-applied-configuration holds the whole
// object a second time, and its change alone is no change.
void Trim(kube::ConfigMap* map) {
  std::erase_if(map->meta.annotations, [](const auto& annotation) {
    return !annotation.first.starts_with(install::kOwnAnnotations);
  });
  std::erase_if(map->meta.labels, [](const auto& label) {
    return !label.first.starts_with(install::kOwnAnnotations);
  });
}

bool SameButVersion(const kube::ConfigMap& a, const kube::ConfigMap& b) {
  const auto of = [](const kube::ConfigMap& map) {
    return std::tie(map.meta.uid, map.meta.creation_time, map.meta.labels, map.meta.annotations,
                    map.data);
  };
  return of(a) == of(b);
}

}  // namespace

ConfigMapSet::ConfigMapSet(std::string namespace_name, bool checks,
                           std::vector<kube::ConfigMap>* all)
    : namespace_(std::move(namespace_name)), checks_(checks), all_(all) {}

void ConfigMapSet::Collect(const document::Node& object) {
  auto map = kube::ParseConfigMap(object);
  if (!map) {
    pending_problems_.insert_or_assign(NameOf(object), std::move(map).error());
    return;
  }
  Trim(&*map);
  pending_.push_back(*std::move(map));
}

void ConfigMapSet::DropPending() {
  pending_ = {};
  pending_problems_.clear();
}

bool ConfigMapSet::Replace() {
  std::set<std::string, std::less<>> names;
  for (const kube::ConfigMap& map : pending_) names.insert(map.meta.name);
  bool changed = problems_ != pending_problems_;
  problems_ = std::exchange(pending_problems_, {});
  for (const auto& [name, error] : problems_) names.insert(name);
  const auto gone = std::exchange(names_, std::move(names));
  for (const std::string& name : gone) {
    if (!names_.contains(name)) changed = Erase(name) || changed;
  }
  for (kube::ConfigMap& map : pending_) changed = Put(std::move(map)) || changed;
  pending_ = {};
  return changed;
}

bool ConfigMapSet::Upsert(const document::Node& object) {
  auto map = kube::ParseConfigMap(object);
  if (!map) {
    std::string name = NameOf(object);
    names_.insert(name);
    const auto known = problems_.find(name);
    if (known != problems_.end() && known->second == map.error()) return false;
    problems_.insert_or_assign(std::move(name), std::move(map).error());
    return true;
  }
  Trim(&*map);
  const std::string name = map->meta.name;
  const bool mended = problems_.erase(name) != 0;
  names_.insert(name);
  return Put(*std::move(map)) || mended;
}

bool ConfigMapSet::Remove(const document::Node& object) {
  const std::string name = NameOf(object);
  names_.erase(name);
  const bool forgotten = problems_.erase(name) != 0;
  return Erase(name) || forgotten;
}

std::set<std::string, std::less<>> ConfigMapSet::Names() const {
  std::set<std::string, std::less<>> names;
  for (const std::string& name : names_) names.insert(namespace_ + "/" + name);
  return names;
}

bool ConfigMapSet::IsOurs(const kube::ConfigMap& map) const {
  const auto label = map.meta.labels.find(std::string(install::kChecksLabel));
  const bool checks = label != map.meta.labels.end() && label->second == "true";
  return map.meta.namespace_name == namespace_ && checks == checks_;
}

ConfigMapSet::Maps::iterator ConfigMapSet::Place(std::string_view name) {
  const std::tuple<std::string_view, std::string_view> wanted(namespace_, name);
  return std::lower_bound(all_->begin(), all_->end(), wanted,
                          [](const kube::ConfigMap& map, const auto& key) {
                            return std::tuple<std::string_view, std::string_view>(
                                       map.meta.namespace_name, map.meta.name) < key;
                          });
}

// One name may stand in the vector twice: as a profile's and as that of checks.
kube::ConfigMap* ConfigMapSet::Find(std::string_view name) {
  for (auto it = Place(name); it != all_->end(); ++it) {
    if (it->meta.name != name || it->meta.namespace_name != namespace_) break;
    if (IsOurs(*it)) return &*it;
  }
  return nullptr;
}

bool ConfigMapSet::Put(kube::ConfigMap map) {
  map.meta.namespace_name = namespace_;
  if (!IsOurs(map)) {  // it has both labels: the other watch's
    return Erase(map.meta.name);
  }
  if (kube::ConfigMap* old = Find(map.meta.name)) {
    const bool same = SameButVersion(*old, map);
    *old = std::move(map);
    return !same;
  }
  all_->insert(Place(map.meta.name), std::move(map));
  return true;
}

bool ConfigMapSet::Erase(std::string_view name) {
  const kube::ConfigMap* old = Find(name);
  if (old == nullptr) return false;
  all_->erase(all_->begin() + (old - all_->data()));
  return true;
}

}  // namespace seccompd::agent
