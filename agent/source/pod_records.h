// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

// What a pod source knows at one moment.
struct PodRecords {
  std::vector<kube::Pod> pods;
  bool known = false;              // false: --pods none
  bool complete = true;            // false: a record could not be read
  std::vector<std::string> notes;  // what could not be read, one sentence each
};

// ConfigMaps of a dir:PATH flag, read once.
[[nodiscard]] base::Result<std::vector<kube::ConfigMap>> ReadConfigMaps(std::string_view flag,
                                                                        const std::string& value);

// `--pods dir:PATH` or `none`, read once. kInvalidArgument: another flag value; a directory that
// cannot be opened is an error, a file in it that cannot be read is a note.
[[nodiscard]] base::Result<PodRecords> ReadPodRecords(const std::string& flag);

}  // namespace seccompd::agent
