// SPDX-License-Identifier: Apache-2.0
#include "common/install/ledger.h"

#include <algorithm>
#include <utility>

#include "common/install/desired.h"

namespace seccompd::install {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// The value of a field: no white space, no '%', no control byte, so that a line splits at spaces.
std::string Escape(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != '%' && byte != 0x7f) {
      out.push_back(c);
      continue;
    }
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 0xf]);
  }
  return out;
}

std::string TimeFields(const base::Moment& time) {
  std::string fields = " t=" + std::to_string(time.wall.time_since_epoch().count());
  if (time.boot == 0) return fields;
  return fields + " y=" + std::to_string(time.boot) +
         " u=" + std::to_string(time.since_boot.count());
}

std::string RevisionFields(const Revision& revision, const std::string& owner,
                           const std::string& origin) {
  return " n=" + std::to_string(revision.number) + " d=" + revision.digest.Hex() +
         " m=" + revision.meaning.Hex() + " s=" + std::to_string(revision.size) +
         TimeFields(revision.installed) + " w=" + Escape(owner) + " o=" + Escape(origin) +
         (revision.build.empty() ? "" : " k=" + Escape(revision.build));
}

// Writes entries as lines; the positions of texts are relative to the payload until they are
// shifted.
class PayloadWriter {
 public:
  void operator()(MadeDirectory& e) { Line("mkdir", e.path, ""); }
  void operator()(DroppedDirectory& e) { Line("rmdir", e.path, ""); }
  void operator()(Announce& e) { WithText("announce", e); }
  void operator()(Installed& e) { Line("installed", e.path, TimeFields(e.time)); }
  void operator()(Cancelled& e) { Line("cancelled", e.path, ""); }
  void operator()(Established& e) { WithText("established", e); }
  void operator()(Claimed& e) {
    Line("claimed", e.path, " w=" + Escape(e.owner) + " o=" + Escape(e.origin));
  }
  void operator()(Orphaned& e) { Line("orphaned", e.path, TimeFields(e.time)); }
  void operator()(Removing& e) {
    Line("removing", e.path,
         " dev=" + std::to_string(e.file.device) + " ino=" + std::to_string(e.file.inode));
  }
  void operator()(Released& e) { Line("released", e.path, ""); }

  void ShiftTexts(std::uint64_t by) {
    for (BodyRef* ref : texts_) ref->offset += by;
  }
  [[nodiscard]] const std::string& payload() const { return payload_; }

 private:
  void Line(std::string_view kind, std::string_view path, std::string_view fields) {
    payload_.append("#e ").append(kind).append(" p=").append(Escape(path)).append(fields);
    payload_.push_back('\n');
  }

  template <class E>
  void WithText(std::string_view kind, E& e) {
    std::string fields = RevisionFields(e.revision, e.owner, e.origin);
    e.revision.body = {};
    if (!e.body) {
      Line(kind, e.path, fields);
      return;
    }
    const std::string framed = FrameBody(*e.body);
    fields += " b=" + std::to_string(framed.size());
    Line(kind, e.path, fields);
    e.revision.body = {payload_.size(), framed.size()};
    texts_.push_back(&e.revision.body);
    payload_ += framed;
  }

  std::string payload_;
  std::vector<BodyRef*> texts_;
};

class StateWriter {
 public:
  explicit StateWriter(LedgerState& state) : state_(state) {}

  Result<> operator()(const MadeDirectory& e) {
    state_.directories.insert(e.path);
    return {};
  }
  Result<> operator()(const DroppedDirectory& e) {
    state_.directories.erase(e.path);
    return {};
  }
  Result<> operator()(const Announce& e) {
    OwnedPath& owned = Named(e.path, e.owner, e.origin);
    owned.pending = WithKnownText(owned, e.revision);
    return {};
  }
  Result<> operator()(const Installed& e) {
    const auto it = state_.paths.find(e.path);
    if (it == state_.paths.end() || !it->second.pending) {
      return Illegal("installed", e.path, "was not announced");
    }
    Revision revision = *std::exchange(it->second.pending, std::nullopt);
    revision.installed = e.time;
    Push(it->second, revision);
    return {};
  }
  Result<> operator()(const Cancelled& e) {
    const auto it = state_.paths.find(e.path);
    if (it == state_.paths.end() || !it->second.pending) {
      return Illegal("cancelled", e.path, "was not announced");
    }
    it->second.pending.reset();
    if (it->second.revisions.empty()) state_.paths.erase(it);
    return {};
  }
  Result<> operator()(const Established& e) {
    OwnedPath& owned = Named(e.path, e.owner, e.origin);
    owned.pending.reset();
    Push(owned, WithKnownText(owned, e.revision));
    return {};
  }
  Result<> operator()(const Claimed& e) {
    if (!state_.paths.contains(e.path)) return Illegal("claimed", e.path, "is not owned");
    Named(e.path, e.owner, e.origin);
    return {};
  }
  Result<> operator()(const Orphaned& e) {
    const auto it = state_.paths.find(e.path);
    if (it == state_.paths.end()) return Illegal("orphaned", e.path, "is not owned");
    it->second.orphaned = e.time;
    return {};
  }
  Result<> operator()(const Removing& e) {
    const auto it = state_.paths.find(e.path);
    if (it == state_.paths.end()) return Illegal("removing", e.path, "is not owned");
    it->second.removing = e.file;
    return {};
  }
  Result<> operator()(const Released& e) {
    state_.paths.erase(e.path);
    return {};
  }

 private:
  static Result<> Illegal(std::string_view kind, const std::string& path, std::string_view why) {
    return Fail(ErrorCode::kCorrupt,
                "entry '" + std::string(kind) + "': '" + path + "' " + std::string(why));
  }

  // The path, owned and wanted from now on.
  OwnedPath& Named(const std::string& path, const std::string& owner, const std::string& origin) {
    OwnedPath& owned = state_.paths[path];
    owned.owner = owner;
    owned.origin = origin;
    owned.orphaned.reset();
    owned.removing.reset();
    return owned;
  }

  static Revision WithKnownText(const OwnedPath& owned, Revision revision) {
    const Revision* known = owned.FindDigest(revision.digest);
    if (revision.body.size == 0 && known != nullptr) revision.body = known->body;
    return revision;
  }

  static void Push(OwnedPath& owned, Revision revision) {
    if (!owned.revisions.empty() && owned.revisions.back().number == revision.number) {
      revision.installed = owned.revisions.back().installed;  // other bytes, the same meaning
      owned.revisions.back() = revision;
      return;
    }
    owned.revisions.push_back(revision);
    if (owned.revisions.size() > kKeptRevisions) owned.revisions.erase(owned.revisions.begin());
  }

  LedgerState& state_;
};

}  // namespace

const Revision* OwnedPath::InForce() const {
  return revisions.empty() ? nullptr : &revisions.back();
}

const Revision* OwnedPath::FindDigest(const base::Digest& digest) const {
  if (pending && pending->digest == digest) return &*pending;
  const auto it = std::find_if(revisions.rbegin(), revisions.rend(),
                               [&](const Revision& r) { return r.digest == digest; });
  return it == revisions.rend() ? nullptr : &*it;
}

const OwnedPath* LedgerState::Find(std::string_view path) const {
  const auto it = paths.find(path);
  return it == paths.end() ? nullptr : &it->second;
}

std::optional<base::Digest> LedgerState::MeaningBy(std::string_view build,
                                                   const base::Digest& bytes) const {
  if (build.empty()) return std::nullopt;
  for (const auto& [path, owned] : paths) {
    for (const Revision& revision : owned.revisions) {
      if (revision.digest == bytes && revision.build == build) return revision.meaning;
    }
  }
  return std::nullopt;
}

std::string FrameBody(std::string_view bytes) {
  std::string framed = "#|";
  framed.reserve(bytes.size() + bytes.size() / 16 + 16);
  for (const char c : bytes) {
    framed.push_back(c);
    if (c == '\n') framed += "#|";
  }
  framed.push_back('\n');
  return framed;
}

std::optional<std::string> UnframeBody(std::string_view framed) {
  if (!framed.starts_with("#|") || !framed.ends_with('\n')) return std::nullopt;
  framed.remove_prefix(2);
  framed.remove_suffix(1);
  std::string bytes;
  bytes.reserve(framed.size());
  while (!framed.empty()) {
    const std::size_t end = framed.find('\n');
    if (end == std::string_view::npos) {
      bytes.append(framed);
      break;
    }
    bytes.append(framed.substr(0, end + 1));
    framed.remove_prefix(end + 1);
    if (!framed.starts_with("#|")) return std::nullopt;
    framed.remove_prefix(2);
  }
  return bytes;
}

std::string TempName(std::string_view nonce) { return ".seccompd-tmp-" + std::string(nonce); }

std::string EncodeHeader(std::string_view nonce, LogPosition* position) {
  const std::string line =
      "# seccompd ledger " + std::to_string(kLedgerVersion) + " " + std::string(nonce) + "\n";
  std::string header = line;
  header +=
      "# What seccompd installed beside this directory. Written by the agent alone: do not edit.\n";
  *position = {
      .offset = header.size(), .sequence = 0, .chain = base::Sha256(line).Hex().substr(0, 32)};
  return header;
}

std::string EncodeRecord(std::span<Entry> entries, LogPosition* position) {
  PayloadWriter writer;
  for (Entry& entry : entries) std::visit(writer, entry);
  const std::string& payload = writer.payload();
  const std::string sequence = std::to_string(position->sequence + 1);
  const std::string chain =
      base::Sha256(position->chain + " " + sequence + "\n" + payload).Hex().substr(0, 32);
  std::string record = "#r " + sequence + " " + std::to_string(payload.size()) + " " + chain + "\n";
  writer.ShiftTexts(position->offset + record.size());
  record += payload;
  *position = {.offset = position->offset + record.size(),
               .sequence = position->sequence + 1,
               .chain = chain};
  return record;
}

Result<> ApplyEntries(std::span<const Entry> entries, LedgerState* state) {
  StateWriter writer(*state);
  for (const Entry& entry : entries) TRY(std::visit(writer, entry));
  return {};
}

}  // namespace seccompd::install
