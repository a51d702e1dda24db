// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace seccompd::install {

// What the agent owns below the seccomp root, as an append-only text log. The format stands in
// README.md. Every line begins with '#', so that no JSON decoder takes the file for a profile.
inline constexpr std::uint32_t kLedgerVersion = 1;
inline constexpr std::size_t kKeptRevisions = 5;
inline constexpr std::size_t kMaxLedgerBytes = std::size_t{512} << 20;

// Where the framed text of a revision stands in the log; size 0: not kept.
struct BodyRef {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  bool operator==(const BodyRef&) const = default;
};

// A text that was, or is about to be, the content of one path.
struct Revision {
  std::uint32_t number = 0;  // 1, 2, ...; the same number: the same meaning in other bytes
  base::Digest digest;       // of the bytes on disk
  base::Digest meaning;      // of the compiled program
  std::uint64_t size = 0;    // of the bytes on disk
  base::Moment installed;    // since when this meaning is in force
  BodyRef body{};
  std::string build{};  // of the agent that computed `meaning`; "" not known

  bool operator==(const Revision&) const = default;
};

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileIdentity&) const = default;
};

struct OwnedPath {
  std::vector<Revision> revisions;  // oldest first, at most kKeptRevisions; the last is in force
  std::optional<Revision> pending;  // announced, not known to be in place
  std::optional<FileIdentity> removing;  // announced for removal: this very file
  std::optional<base::Moment> orphaned;
  std::string owner;   // Claim::owner
  std::string origin;  // Claim::origin

  [[nodiscard]] const Revision* InForce() const;
  [[nodiscard]] const Revision* FindDigest(const base::Digest& digest) const;  // pending too
  bool operator==(const OwnedPath&) const = default;
};

struct LedgerState {
  std::map<std::string, OwnedPath, std::less<>> paths;
  std::set<std::string, std::less<>> directories;  // that the agent made

  [[nodiscard]] const OwnedPath* Find(std::string_view path) const;
  // What that build found these bytes to mean; nullopt: it did not, or was another build. "" is
  // none.
  [[nodiscard]] std::optional<base::Digest> MeaningBy(std::string_view build,
                                                      const base::Digest& bytes) const;
  bool operator==(const LedgerState&) const = default;
};

// One line of the log. Announce is the intent that is durable before the file is touched.
struct MadeDirectory {
  std::string path;
};  // announced before mkdir
struct DroppedDirectory {
  std::string path;
};
struct Announce {
  std::string path;
  Revision revision;
  std::string owner, origin;
  std::optional<std::string> body;  // absent: the text is in the log already, or not to be kept
};
struct Installed {
  std::string path;
  base::Moment time;
};  // the announced one is in place
struct Cancelled {
  std::string path;
};                    // the announced one will not come
struct Established {  // in force without an announcement: adoption, compaction
  std::string path;
  Revision revision;
  std::string owner, origin;
  std::optional<std::string> body;
};
struct Claimed {
  std::string path;
  std::string owner, origin;
};  // desired (again)
struct Orphaned {
  std::string path;
  base::Moment time;
};
struct Removing {
  std::string path;
  FileIdentity file;
};
struct Released {
  std::string path;
};  // no longer ours, whatever stands there
using Entry = std::variant<MadeDirectory, DroppedDirectory, Announce, Installed, Cancelled,
                           Established, Claimed, Orphaned, Removing, Released>;

// The end of a log: where the next record goes and what it is chained to.
struct LogPosition {
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;  // of the last record
  std::string chain;           // checksum of the last record, 32 hex digits

  bool operator==(const LogPosition&) const = default;
};

// `nonce` is 16 hex digits, random at the ledger's birth: it marks our temp files and keeps a
// profile's text from posing as a record.
[[nodiscard]] std::string EncodeHeader(std::string_view nonce, LogPosition* position);

// One record (all entries or none survive a crash). Advances `position` and sets Revision::body of
// every entry that carries a text to where that text stands.
[[nodiscard]] std::string EncodeRecord(std::span<Entry> entries, LogPosition* position);

// What the entries of a record do to the state; kCorrupt for a sequence that no agent writes.
[[nodiscard]] base::Result<> ApplyEntries(std::span<const Entry> entries, LedgerState* state);

enum class LogEnd : std::uint8_t {
  kClean,
  kTorn,     // the last append did not complete; nothing was done for it
  kCorrupt,  // a record in the middle is damaged: the state cannot be trusted
};

struct Replay {
  LedgerState state;
  LogPosition end;
  std::string nonce;
  LogEnd tail = LogEnd::kClean;
  std::string problem;  // for people, "" when clean
};

// kFailedPrecondition: written by a newer version. kCorrupt: not a ledger at all.
[[nodiscard]] base::Result<Replay> ReplayLog(std::string_view text);

// The framed form of a revision's text ("#|" before every line) and back; nullopt if it is not
// framed.
[[nodiscard]] std::string FrameBody(std::string_view bytes);
[[nodiscard]] std::optional<std::string> UnframeBody(std::string_view framed);

// The name of our temp file in every directory: 30 bytes, whatever the profile is called.
[[nodiscard]] std::string TempName(std::string_view nonce);

}  // namespace seccompd::install
