// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/host/fs_ops.h"
#include "common/install/ledger.h"

namespace seccompd::install {

enum class LedgerOrigin : std::uint8_t {
  kRead,     // as it stood on disk
  kCreated,  // there was none
  kRebuilt,  // it was corrupt: kept aside framed, begun anew, nothing is owned
  kNewer,    // of a newer version: left alone, nothing may be done
};

enum class Sync : std::uint8_t { kNone, kNow, kStart };

// `<root>/.seccompd/ledger` and its lock. Records are written into space that was filled with
// newlines before, so that an append costs one data write and one flush, no journal commit.
class LedgerFile {
 public:
  // kUnavailable: another agent holds the lock. kFailedPrecondition: `.seccompd` is no directory of
  // ours (a symlink, a file). `fs` and `rootfd` are borrowed.
  [[nodiscard]] static base::Result<std::unique_ptr<LedgerFile>> Open(host::FsOps& fs, int rootfd);

  [[nodiscard]] const LedgerState& state() const { return state_; }
  [[nodiscard]] const std::string& nonce() const { return nonce_; }
  [[nodiscard]] LedgerOrigin origin() const { return origin_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::uint64_t size() const { return position_.offset; }

  // Appends one record and applies it to state(). Synced, it would survive a power cut on return;
  // kStart only begins that, and Flush() waits for it. After any error the file is written anew
  // before the next append.
  [[nodiscard]] base::Result<> Append(std::span<const Entry> entries, Sync sync);
  [[nodiscard]] base::Result<> Flush();

  // The text of a revision, checked against its digest; kNotFound if it is not kept.
  [[nodiscard]] base::Result<std::string> ReadBody(const Revision& revision) const;

  // The meaning in force at this path was computed by that build, too. Written with Maintain().
  void Vouch(const std::string& path, const std::string& build);

  // Somebody removed or replaced the ledger while we run: write it anew from memory.
  [[nodiscard]] base::Result<> Restore();
  // Writes the file anew where it has outgrown what it describes, and keeps filled space ahead.
  [[nodiscard]] base::Result<> Maintain();
  // Keeps bytes of a foreign file below `.seccompd`, framed; the name of the file.
  [[nodiscard]] base::Result<std::string> Keep(std::string_view what, std::string_view bytes);
  // Removes ledger, lock and, if then empty, the directory. The object is dead after.
  [[nodiscard]] base::Result<> Destroy();

 private:
  LedgerFile(host::FsOps& fs, int rootfd) : fs_(fs), rootfd_(rootfd) {}
  [[nodiscard]] base::Result<> OpenDirectory();
  [[nodiscard]] base::Result<> Lock();
  [[nodiscard]] base::Result<> Load();
  [[nodiscard]] base::Result<> Rewrite();
  [[nodiscard]] base::Result<> WriteRecords(int fd, LogPosition* position,
                                            LedgerState* state) const;
  [[nodiscard]] base::Result<> CheckEntries(std::span<const Entry> entries) const;
  [[nodiscard]] base::Result<> WipeTail();
  [[nodiscard]] base::Result<> Fill(std::uint64_t needed);
  [[nodiscard]] base::Result<> SyncEarlierPages();
  [[nodiscard]] base::Result<> Synced(int result);

  host::FsOps& fs_;
  int rootfd_;
  host::FsFile directory_;
  host::FsFile lock_;
  host::FsFile file_;
  LedgerState state_;
  LogPosition position_;
  std::uint64_t filled_ = 0;  // bytes of the file, newlines at the end included
  // Where records begin that may not be on disk. 0 after a start: whoever was killed did not say.
  std::uint64_t unsynced_from_ = 0;
  std::string nonce_;
  std::string problem_;
  LedgerOrigin origin_ = LedgerOrigin::kRead;
  bool rewrite_ = false;
  bool syncing_ = false;                 // begun, not waited for
  std::optional<base::Error> unsynced_;  // why the last record is not on disk
};

}  // namespace seccompd::install
