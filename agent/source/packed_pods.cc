// SPDX-License-Identifier: Apache-2.0
#include "agent/source/packed_pods.h"

#include <algorithm>
#include <utility>

#include "common/kube/pod_pack.h"

namespace seccompd::agent {
namespace {

std::string KeyOf(const document::Node& object) {
  const document::Node* metadata = object.Find("metadata");
  const auto text = [metadata](std::string_view key) {
    const document::Node* node = metadata == nullptr ? nullptr : metadata->Find(key);
    return node == nullptr ? std::string() : node->scalar;
  };
  return text("namespace") + "/" + text("name");
}

// The resourceVersion changes with every heartbeat of a status and says nothing here.
std::string Pack(kube::Pod pod) {
  pod.meta.resource_version.clear();
  return kube::PackPod(pod);
}

}  // namespace

void PackedPods::Collect(const document::Node& object) {
  auto pod = kube::ParsePod(object);
  std::string key = KeyOf(object);
  pending_.insert_or_assign(std::move(key), pod ? Pack(*std::move(pod)) : std::string());
}

void PackedPods::DropPending() { pending_.clear(); }

bool PackedPods::Replace() {
  for (auto& [key, packed] : pending_) {
    const auto old = pods_.find(key);
    if (packed.empty() && old != pods_.end()) packed = old->second;
  }
  const bool changed = pods_ != pending_;
  pods_ = std::exchange(pending_, {});
  return changed;
}

bool PackedPods::Upsert(const document::Node& object) {
  auto pod = kube::ParsePod(object);
  std::string key = KeyOf(object);
  const auto old = pods_.find(key);
  if (!pod) {
    if (old != pods_.end()) return false;
    pods_.emplace(std::move(key), "");
    return true;
  }
  std::string packed = Pack(*std::move(pod));
  if (old != pods_.end() && old->second == packed) return false;
  pods_.insert_or_assign(std::move(key), std::move(packed));
  return true;
}

bool PackedPods::Remove(const document::Node& object) { return pods_.erase(KeyOf(object)) != 0; }

std::vector<kube::Pod> PackedPods::All() const {
  std::vector<kube::Pod> all;
  all.reserve(pods_.size());
  for (const auto& [key, packed] : pods_) {
    if (!packed.empty()) all.push_back(kube::UnpackPod(packed));
  }
  return all;
}

std::size_t PackedPods::problems() const {
  return static_cast<std::size_t>(std::count_if(
      pods_.begin(), pods_.end(), [](const auto& pod) { return pod.second.empty(); }));
}

std::size_t PackedPods::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [key, packed] : pods_) bytes += key.size() + packed.size();
  return bytes;
}

}  // namespace seccompd::agent
