// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/source/source.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/host/tree_watch.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

struct DirectorySourceOptions {
  std::size_t max_files = 10'000;
  std::size_t max_file_bytes = std::size_t{16} << 20;  // a PodList of a large node
  std::size_t max_total_bytes = std::size_t{64} << 20;
  std::size_t max_depth = 16;
  std::chrono::milliseconds settle{200};  // a removed or half-written name waits this long
  std::chrono::seconds poll{5};     // where inotify is not to be had, or the directory is away
  std::chrono::seconds rescan{30};  // slow full pass beside inotify
  bool bare_profiles = true;        // false: a file that is no manifest is a problem
};

// `complete` is false while the directory is away or was not read to its end.
struct DirectoryContents : ProfileContents {
  std::vector<kube::Pod> pods;
  std::vector<std::string> ignored;  // "x.yaml: Deployment web", for a note
};

// `--source dir:PATH` and `--pods dir:PATH`: every manifest (*.yaml, *.yml, *.json) and bare
// profile below a directory, followed by inotify. Symlinked files are followed only where they stay
// inside (a mounted ConfigMap is a farm of them). Dot files and editors' backups are skipped. A
// file or object that cannot be read keeps what it held; while one never could be, contents() is
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
  struct Walk;
  bool Reopen(base::MonoTime now);
  bool TakeEvents(base::MonoTime now);
  bool TakeSettled(base::MonoTime now);
  bool Scan(base::MonoTime now);
  bool Reread(const std::string& path, bool even_if_unchanged);
  void Settle(const std::string& path, base::MonoTime now);
  void Rebuild();

  std::string path_;
  DirectorySourceOptions options_;
  base::UniqueFd root_;
  std::unique_ptr<host::TreeWatch> watch_;
  std::map<std::string, std::unique_ptr<File>> files_;
  std::map<std::string, base::MonoTime> settling_;  // name -> when to look at it
  base::MonoTime next_scan_{};
  std::optional<base::Error> away_;      // why the directory is not read
  std::optional<base::Error> exceeded_;  // which limit cut the reading
  std::uint64_t bytes_ = 0;              // of all files taken in
  DirectoryContents contents_;
};

// Is this a file that we read: its ending is ours, and it is no dot file and no editor's left-over
// (".x.swp", "x~", "#x#", "4913")?
[[nodiscard]] bool IsSourceName(std::string_view name);

}  // namespace seccompd::agent
