// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/host/fs_ops.h"
#include "common/install/ledger_file.h"
#include "common/install/plan.h"

namespace seccompd::install {

inline constexpr std::size_t kMaxInstalledBytes = std::size_t{4} << 20;

// Looks at one path below the root, never through a symlink. `meaning` (may be empty) is asked for
// the program digest of a foreign file whose bytes differ from `desired`.
using MeaningFunction = std::function<std::optional<base::Digest>(std::string_view bytes)>;
[[nodiscard]] DiskState ReadDisk(host::FsOps& fs, int rootfd, const std::string& path,
                                 const Prepared* desired = nullptr,
                                 const MeaningFunction& meaning = {});

struct StepResult {
  Step step;
  std::optional<base::Error> error;  // absent: done
};

// Does steps in order: announces in the ledger what must be known before, touches the files,
// records the outcome. One step's failure does not stop the others; a ledger that cannot be written
// does.
class Applier {
 public:
  Applier(host::FsOps& fs, int rootfd, LedgerFile& ledger)
      : fs_(fs), rootfd_(rootfd), ledger_(ledger) {}

  [[nodiscard]] std::vector<StepResult> Apply(std::span<const Step> steps, const Desired& desired,
                                              const base::Moment& now);
  // Unlinks temp files that a killed agent left beside owned paths.
  [[nodiscard]] base::Result<> RemoveLeftovers();
  // Directories of ours that are empty now.
  [[nodiscard]] base::Result<> RemoveEmptyDirectories();

 private:
  struct Work;
  [[nodiscard]] base::Result<Work> Prepare(const Step& step, const Desired& desired,
                                           const base::Moment& now);
  [[nodiscard]] base::Result<> PlanPlacing(const Step& step, const DesiredFile* file, Work* work);
  [[nodiscard]] base::Result<> PlanRemoval(const std::string& path, Work* work);
  [[nodiscard]] base::Result<> MissingDirectories(const std::string& path, Work* work);
  [[nodiscard]] base::Result<> UnblockParents(const std::string& path);
  [[nodiscard]] base::Result<> SyncParent(const std::string& path);
  [[nodiscard]] base::Result<> KeepForeign(const std::string& path);
  [[nodiscard]] base::Result<> RemoveLeftover(const std::string& directory,
                                              const std::string& temp);
  [[nodiscard]] bool TempIsKnown(const Work& work) const;
  void RunBatch(std::vector<Work>* batch, const base::Moment& now);
  [[nodiscard]] base::Result<> Perform(Work* work, const base::Moment& now);
  [[nodiscard]] base::Result<> MakeDirectories(const Work& work);
  [[nodiscard]] base::Result<> Place(Work* work, const base::Moment& now);
  [[nodiscard]] base::Result<> MendMode(const std::string& path, const base::Digest& digest,
                                        bool* mended);
  [[nodiscard]] base::Result<> Remove(Work* work);
  [[nodiscard]] base::Result<bool> RemoveDirectory(const std::string& path);

  host::FsOps& fs_;
  int rootfd_;
  LedgerFile& ledger_;
  std::set<std::string> made_;  // directories made in this call of Apply
};

}  // namespace seccompd::install
