// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/host/tree_watch.h"
#include "common/install/desired.h"
#include "common/kube/config_map.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

struct DirectorySourceOptions {
  std::size_t max_files = 10'000;
  std::size_t max_file_bytes = std::size_t{16} << 20;  // a PodList of a large node
  std::size_t max_total_bytes = std::size_t{64} << 20;
  std::size_t max_depth = 16;
  std::chrono::milliseconds settle{200};  // a removed or half-written name waits this long
  std::chrono::seconds poll{5};           // where inotify is not to be had
};

// Something to tell about one file; what it held before stays in force while it is unreadable.
struct SourceProblem {
  std::string path;  // relative; "" is the directory itself
  base::Error error;

  bool operator==(const SourceProblem&) const = default;
};

struct DirectoryContents {
  std::vector<kube::ConfigMap> config_maps;
  std::vector<kube::Pod> pods;
  std::vector<install::BareProfile> bare;
  std::vector<SourceProblem> problems;
  std::vector<std::string> ignored;  // "x.yaml: Deployment web", for a note
  bool complete = true;              // false: the directory is away or was not read to its end
};

// `--source dir:PATH` and `--pods dir:PATH`: every manifest (*.yaml, *.yml, *.json) and bare
// profile below a directory, followed by inotify. Symlinks inside are followed only where they stay
// inside (a mounted ConfigMap is a farm of them). Dot files and editors' backups are skipped. A
// file that cannot be read or parsed keeps what it held; while one never could be, contents() is
// incomplete.
class DirectorySource {
 public:
  // A directory that is not there yet is no error: contents().complete is false until it is.
  DirectorySource(std::string path, DirectorySourceOptions options);
  ~DirectorySource();
  DirectorySource(const DirectorySource&) = delete;
  DirectorySource& operator=(const DirectorySource&) = delete;

  // Wait for this to be readable (-1: none, only time matters), or until Due().
  [[nodiscard]] int fd() const;
  [[nodiscard]] base::MonoTime Due() const;

  // Takes in what happened; true if contents() changed. The first call reads everything.
  [[nodiscard]] bool Update(base::MonoTime now);

  [[nodiscard]] const DirectoryContents& contents() const { return contents_; }
  [[nodiscard]] bool polling() const;  // no inotify left: a scan every `poll`

 private:
  struct File;
  void Reopen(base::MonoTime now);
  void TakeEvents(base::MonoTime now);
  void Scan(base::MonoTime now);
  void ReadChanged(const std::string& path, const std::string& real, File* file);
  void Rebuild();

  std::string path_;
  DirectorySourceOptions options_;
  base::UniqueFd root_;
  std::unique_ptr<host::TreeWatch> watch_;
  std::map<std::string, std::unique_ptr<File>> files_;  // by path below the root, as last read
  std::optional<base::MonoTime> next_scan_;  // because of an event, a vanished name or the poll
  std::optional<base::Error> away_;          // the directory itself cannot be read
  std::optional<base::Error> cut_;           // it was not read to its end
  DirectoryContents contents_;
};

// Is `name` one that an editor or a tool leaves behind (".#x", "x~", "#x#", ".x.swp", "4913", dot
// files), or one whose ending we do not read?
[[nodiscard]] bool IsSourceName(std::string_view name);

}  // namespace seccompd::agent
