// SPDX-License-Identifier: Apache-2.0
#include "agent/source/pod_records.h"

#include "agent/config.h"
#include "agent/source/directory_source.h"

namespace seccompd::agent {

base::Result<std::vector<kube::ConfigMap>> ReadConfigMaps(std::string_view flag,
                                                          const std::string& value) {
  TRY_ASSIGN(const std::string path, DirectoryOf(flag, value));
  DirectorySource source(path, {.bare_profiles = false});
  static_cast<void>(source.Update(base::MonoTime::clock::now()));
  for (const SourceProblem& problem : source.contents().problems) {
    return base::Fail(
        base::WithContext(problem.error, std::string(flag) + " " + path + "/" + problem.path));
  }
  return source.contents().config_maps;
}

base::Result<PodRecords> ReadPodRecords(const std::string& flag) {
  PodRecords records;
  if (flag == "none") return records;
  TRY_ASSIGN(const std::string path, DirectoryOf("--pods", flag));
  DirectorySource source(path, {.bare_profiles = false});
  static_cast<void>(source.Update(base::MonoTime::clock::now()));
  const DirectoryContents& contents = source.contents();
  for (const SourceProblem& problem : contents.problems) {
    if (problem.path.empty()) return base::Fail(base::WithContext(problem.error, "--pods " + path));
    records.notes.push_back("--pods " + problem.path + ": " + problem.error.message);
  }
  records.pods = contents.pods;
  records.known = true;
  records.complete = contents.complete && contents.problems.empty();
  return records;
}

}  // namespace seccompd::agent
