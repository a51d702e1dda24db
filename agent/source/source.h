// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/install/desired.h"
#include "common/kube/config_map.h"
#include "common/kube/pod.h"
#include "common/net/supervisor.h"

namespace seccompd::agent {

// Something to tell about one file or namespace; what it held before stays in force while it is
// unreadable.
struct SourceProblem {
  std::string path;  // "" is the source itself
  base::Error error;

  bool operator==(const SourceProblem&) const = default;
};

// What an install pass needs of its source at one moment.
struct ProfileContents {
  std::vector<kube::ConfigMap> config_maps;
  std::vector<install::BareProfile> bare;
  std::vector<SourceProblem> problems;
  std::set<std::string, std::less<>> held_namespaces;  // cannot be read, or not read yet
  bool complete = true;  // false: it may be missing anything, so nothing may be given up
};

// Called after what a source holds has changed.
using OnChange = std::function<void()>;

// Where profiles come from. Its loops run under a supervisor, on the one thread.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;

  virtual void Start(net::Supervisor& supervisor, OnChange changed) = 0;
  [[nodiscard]] virtual const ProfileContents& profiles() const = 0;
  // Everything that may be read was read at least once; stays true.
  [[nodiscard]] virtual bool synced() const = 0;

  // Many profiles are gone at once: everything is to be read again, from the source of truth.
  // confirmed() is true when that was done, until the next call.
  virtual void Confirm() = 0;
  [[nodiscard]] virtual bool confirmed() const = 0;
};

// Where the pods of this node come from.
class PodSource {
 public:
  virtual ~PodSource() = default;

  virtual void Start(net::Supervisor& supervisor, OnChange changed) = 0;
  // By value: a source may hold them in a smaller form.
  [[nodiscard]] virtual std::vector<kube::Pod> pods() const = 0;
  [[nodiscard]] virtual bool complete() const = 0;          // false: a pod may be missing
  [[nodiscard]] virtual std::string_view kind() const = 0;  // "kubernetes", "kubelet", "directory"
  [[nodiscard]] virtual std::vector<SourceProblem> problems() const { return {}; }  // of files
};

}  // namespace seccompd::agent
