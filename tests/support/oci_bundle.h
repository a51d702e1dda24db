// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/support/container_host.h"

namespace seccompd::test_support {

// config.json of one container (OCI runtime-spec 1.0), with what the kubelet's runtimes set: the
// default capabilities, private namespaces, a read-only root at `rootfs`. Aborts the test program
// if `spec.seccomp` is not JSON.
[[nodiscard]] std::string RenderOciConfig(const ContainerSpec& spec, const std::string& rootfs);

// The cgroup path a kubelet and its runtime would use, from the cgroup root.
[[nodiscard]] std::string CgroupPath(const ContainerSpec& spec);

// busybox-static and the directories the mounts need.
void WriteBusyboxRoot(const std::string& rootfs);

}  // namespace seccompd::test_support
