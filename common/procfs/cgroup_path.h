// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "common/procfs/container.h"

namespace seccompd::procfs {

enum class CgroupKind {
  kOther,      // slices, services, conmon, QoS classes
  kPod,        // the cgroup of a pod itself
  kPodChild,   // below a pod, yet in no container we know (Kata's, a new runtime's)
  kContainer,  // a container's own cgroup or anything below it
};

struct CgroupPlace {
  CgroupKind kind = CgroupKind::kOther;
  ContainerRef ref;  // pod_uid from kPod on, the rest of it for kContainer
  std::string_view
      container_path;  // kContainer: the leading part of the path that is its own cgroup

  bool operator==(const CgroupPlace&) const = default;
};

// Whose cgroup is this? `path` is relative to the host's cgroup root, with or without the leading
// '/'; a path with an empty, "." or ".." segment (as a private cgroup namespace shows) is nobody's.
// Whole segments are compared, root first, and the first container wins: below it a workload may
// make cgroups of any name, so docker in a pod, systemd in a container and another container's name
// all stay with the outer one.
//   pods         kubepods[/burstable|/besteffort]/pod<uid>, kubepods.slice/kubepods-<qos>.slice/
//                kubepods-<qos>-pod<uid>.slice, also below a --cgroup-root ("a/kubepods",
//                "a.slice/a-kubepods.slice"); <uid> is a UUID or the 32 hex digits of a static pod.
//                Not within a .service or .scope, whose owner may make what it likes there.
//   in a pod     <id>, crio-<id>, {cri-containerd,crio,docker,libpod,nerdctl}-<id>.scope
//   no pod       docker/<id>, <id>, crio-<id>, libpod-<id>, not within a .service or .scope; the
//   scopes
//                above, not within a .scope, and below user.slice only those of docker, libpod and
//                nerdctl. pod_uid is empty. A user may choose such an <id> freely: match containers
//                of pods by pod_uid and container_id, never by container_id alone.
//   in one name  <pod slice>:cri-containerd:<id> (containerd's cgroupfs driver under a systemd
//                kubelet), also within system.slice/containerd.service; not below user.slice or a
//                .scope
// <id> is 64 lower-case hex digits. crio-conmon-<id>, libpod-conmon-<id>: no containers.
// A node that is itself a container without its own cgroup namespace (kind on v1): give the walk
// that container's cgroup as root.
[[nodiscard]] CgroupPlace ClassifyCgroup(std::string_view path);

}  // namespace seccompd::procfs
