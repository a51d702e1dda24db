// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/host/fs_ops.h"
#include "common/host/tree_watch.h"
#include "common/install/apply.h"
#include "common/install/ledger_file.h"
#include "common/install/plan.h"

namespace seccompd::install {

struct InstallerOptions {
  PlanOptions plan;
  std::string root_path;  // as the host names it, to notice that it is another directory; may be ""
  MeaningFunction meaning;  // for adoption by meaning; empty: by bytes only
};

// Which paths to look at on disk. Paths whose claim changed are always looked at.
struct Glance {
  bool all = true;              // a full re-hash
  std::set<std::string> paths;  // what a TreeWatch reported (files or directories above them)
};

// A file of ours that was changed and may not be repaired: its path is contested, or something that
// is not ours to remove stands there.
struct LeftDrift {
  std::string path;
  DriftKind kind = DriftKind::kContent;
  std::optional<Revision> in_force;

  bool operator==(const LeftDrift&) const = default;
};

struct Report {
  std::vector<StepResult> steps;  // what was tried, in order
  std::vector<ProfileRow> rows;   // by path; what `status` and the metrics show
  std::vector<Remark> remarks;
  std::array<std::uint64_t, kDriftKinds> drift{};  // newly seen in this call, by DriftKind
  std::vector<LeftDrift> left;                     // of those: the ones that stay as they are
  std::size_t held_removals = 0;  // > 0: confirm (Desired::removal_confirmed) and call again
  std::optional<base::WallTime> next_due;  // call again then, even if nothing happens
  std::optional<base::Error> error;        // nothing could be done: root lost, newer ledger, ...
  bool retry = false;                      // some step failed: call again soon

  [[nodiscard]] bool Changed() const;  // some file was placed, changed or removed
};

struct PurgeReport {
  std::vector<std::string> removed;
  struct Kept {
    std::string path;
    std::string reason;
  };
  std::vector<Kept> kept;
};

// The one object that writes below the seccomp root. Synchronous: a call never suspends.
class Installer {
 public:
  // Takes the lock, replays the ledger, removes temp files of a killed run. `fs` is borrowed.
  // kUnavailable: another agent runs here. A newer ledger is no error: newer_ledger() says so.
  [[nodiscard]] static base::Result<std::unique_ptr<Installer>> Open(host::FsOps& fs,
                                                                     base::UniqueFd root,
                                                                     InstallerOptions options);

  [[nodiscard]] Report Reconcile(const Desired& desired, const References& references,
                                 const base::Moment& now, const Glance& glance = {});

  // Removes what is owned and, unless `force`, not referred to. If nothing is left, the ledger goes
  // too and the object must not be used again.
  [[nodiscard]] base::Result<PurgeReport> Purge(const References& references, bool force,
                                                const base::Moment& now);

  // Revisions per path: which was in force when, and the bytes of each.
  [[nodiscard]] const LedgerState& ledger() const { return ledger_->state(); }
  [[nodiscard]] base::Result<std::string> ReadRevision(const Revision& revision) const;

  [[nodiscard]] bool newer_ledger() const { return ledger_->origin() == LedgerOrigin::kNewer; }
  [[nodiscard]] LedgerOrigin ledger_origin() const { return ledger_->origin(); }
  [[nodiscard]] const std::string& ledger_problem() const { return ledger_->problem(); }
  [[nodiscard]] host::RootState CheckRoot() const;
  [[nodiscard]] int rootfd() const { return root_.get(); }

 private:
  Installer(host::FsOps& fs, base::UniqueFd root, InstallerOptions options);
  [[nodiscard]] base::Result<> Usable();
  void Look(const Desired& desired, const Glance& glance);
  Plan PlanNow(const Desired& desired, const References& references, const base::Moment& now);
  void Vouch(const Desired& desired);
  void TidyUp(Applier& applier, Report* report);
  void Relook(const std::vector<StepResult>& results);
  static void Explain(Report* report);
  void ContestDue(Report* report);
  void CountDrift(const Plan& plan, Report* report);
  void Remember(const std::vector<StepResult>& results, const base::Moment& now);
  std::map<std::string, int, std::less<>> RecentRepairs(const base::Moment& now);

  host::FsOps& fs_;
  base::UniqueFd root_;
  InstallerOptions options_;
  std::unique_ptr<LedgerFile> ledger_;
  DiskStates disk_;  // as last seen or made
  std::map<std::string, std::deque<base::WallTime>, std::less<>> repairs_;
  std::map<std::string, DriftKind, std::less<>> drift_;  // known and counted
  bool vouched_ = false;                                 // the ledger is to be written anew
  bool untidy_ = true;                                   // directories of ours may be empty
};

}  // namespace seccompd::install
