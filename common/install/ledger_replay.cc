// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/install/desired.h"
#include "common/install/ledger.h"

namespace seccompd::install {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::string_view kMagic = "# seccompd ledger ";
constexpr std::size_t kNonceDigits = 16;
constexpr std::size_t kChainDigits = 32;
constexpr std::int64_t kMostMillis = 253'402'300'799'999;  // the end of the year 9999

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    const auto byte = base::ParseInt<std::uint8_t>(digits, 16);
    if (!byte || digits.size() != 2) return std::nullopt;
    out.push_back(static_cast<char>(*byte));
    i += 2;
  }
  return out;
}

// One "#e kind k=v k=v" line. Unknown keys are allowed: a later agent of this version may add some.
class Line {
 public:
  static std::optional<Line> Parse(std::string_view text) {
    const auto words = base::Split(text, ' ');
    if (words.size() < 2 || words[0] != "#e") return std::nullopt;
    Line line;
    line.kind_ = words[1];
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::size_t equals = words[i].find('=');
      if (equals == std::string_view::npos) return std::nullopt;
      line.fields_.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
    }
    return line;
  }

  [[nodiscard]] std::string_view kind() const { return kind_; }

  [[nodiscard]] std::optional<std::string_view> Raw(std::string_view key) const {
    const auto it = std::find_if(fields_.begin(), fields_.end(),
                                 [&](const auto& field) { return field.first == key; });
    return it == fields_.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::optional<std::string> Text(std::string_view key) const {
    const auto raw = Raw(key);
    return raw ? Unescape(*raw) : std::nullopt;
  }
  template <class T>
  [[nodiscard]] std::optional<T> Number(std::string_view key) const {
    const auto raw = Raw(key);
    return raw ? base::ParseInt<T>(*raw) : std::nullopt;
  }
  // t=, and y= and u= where the boot was known.
  [[nodiscard]] std::optional<base::Moment> Time() const {
    const auto millis = Number<std::int64_t>("t");
    if (!millis || *millis < -kMostMillis || *millis > kMostMillis) return std::nullopt;
    base::Moment moment = base::WallTime(std::chrono::milliseconds(*millis));
    if (!Raw("y")) return moment;
    const auto boot = Number<std::uint64_t>("y");
    const auto since_boot = Number<std::int64_t>("u");
    if (!boot || !since_boot || *since_boot < 0 || *since_boot > kMostMillis) return std::nullopt;
    moment.boot = *boot;
    moment.since_boot = std::chrono::milliseconds(*since_boot);
    return moment;
  }
  [[nodiscard]] std::optional<base::Digest> Digest(std::string_view key) const {
    const auto raw = Raw(key);
    return raw ? base::ParseDigest(*raw) : std::nullopt;
  }

 private:
  std::string_view kind_;
  std::vector<std::pair<std::string_view, std::string_view>> fields_;
};

struct Reader {
  std::string_view payload;
  std::uint64_t offset = 0;  // of the payload in the log
  std::size_t at = 0;

  // A text that follows its line; nullopt if it is not framed or not there.
  std::optional<BodyRef> TakeText(std::uint64_t size) {
    if (size == 0 || size > payload.size() - at) return std::nullopt;
    const std::string_view framed = payload.substr(at, size);
    if (!UnframeBody(framed)) return std::nullopt;
    const BodyRef ref{offset + at, size};
    at += size;
    return ref;
  }
};

template <class E>
std::optional<Entry> RevisionEntry(const Line& line, std::string_view path, Reader& reader) {
  const auto number = line.Number<std::uint32_t>("n");
  const auto digest = line.Digest("d");
  const auto meaning = line.Digest("m");
  const auto size = line.Number<std::uint64_t>("s");
  const auto time = line.Time();
  auto owner = line.Text("w");
  auto origin = line.Text("o");
  if (!number || !digest || !meaning || !size || !time || !owner || !origin) return std::nullopt;
  E entry;
  entry.path = path;
  entry.revision = {*number, *digest, *meaning, *size, *time, {}};
  entry.revision.build = line.Text("k").value_or("");
  entry.owner = std::move(*owner);
  entry.origin = std::move(*origin);
  if (line.Raw("b")) {
    const auto framed = line.Number<std::uint64_t>("b");
    const auto ref = framed ? reader.TakeText(*framed) : std::nullopt;
    if (!ref) return std::nullopt;
    entry.revision.body = *ref;
  }
  return entry;
}

std::optional<Entry> ParseEntry(const Line& line, Reader& reader) {
  auto path = line.Text("p");
  if (!path || PathProblem(*path)) return std::nullopt;
  const std::string_view kind = line.kind();
  if (kind == "mkdir") return MadeDirectory{std::move(*path)};
  if (kind == "rmdir") return DroppedDirectory{std::move(*path)};
  if (kind == "cancelled") return Cancelled{std::move(*path)};
  if (kind == "released") return Released{std::move(*path)};
  if (kind == "announce") return RevisionEntry<Announce>(line, *path, reader);
  if (kind == "established") return RevisionEntry<Established>(line, *path, reader);
  if (kind == "installed" || kind == "orphaned") {
    const auto time = line.Time();
    if (!time) return std::nullopt;
    if (kind == "installed") return Installed{std::move(*path), *time};
    return Orphaned{std::move(*path), *time};
  }
  if (kind == "claimed") {
    auto owner = line.Text("w");
    auto origin = line.Text("o");
    if (!owner || !origin) return std::nullopt;
    return Claimed{std::move(*path), std::move(*owner), std::move(*origin)};
  }
  if (kind == "removing") {
    const auto device = line.Number<std::uint64_t>("dev");
    const auto inode = line.Number<std::uint64_t>("ino");
    if (!device || !inode) return std::nullopt;
    return Removing{std::move(*path), {*device, *inode}};
  }
  return std::nullopt;
}

Result<std::vector<Entry>> ParsePayload(std::string_view payload, std::uint64_t offset) {
  std::vector<Entry> entries;
  Reader reader{payload, offset, 0};
  while (reader.at < payload.size()) {
    const std::size_t end = payload.find('\n', reader.at);
    if (end == std::string_view::npos) return Fail(ErrorCode::kCorrupt, "a line is cut");
    const std::string_view text = payload.substr(reader.at, end - reader.at);
    reader.at = end + 1;
    const auto line = Line::Parse(text);
    auto entry = line ? ParseEntry(*line, reader) : std::nullopt;
    if (!entry) return Fail(ErrorCode::kCorrupt, "an entry cannot be read");
    entries.push_back(std::move(*entry));
  }
  return entries;
}

struct RecordHeader {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;  // of the payload
  std::string_view chain;
  std::size_t length = 0;  // of the header line
};

std::optional<RecordHeader> ParseRecordHeader(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto words = base::Split(text.substr(0, end), ' ');
  if (words.size() != 4 || words[0] != "#r" || words[3].size() != kChainDigits) return std::nullopt;
  const auto sequence = base::ParseInt<std::uint64_t>(words[1]);
  const auto size = base::ParseInt<std::uint64_t>(words[2]);
  if (!sequence || !size || *size > text.size() - end - 1) return std::nullopt;
  return RecordHeader{*sequence, *size, words[3], end + 1};
}

// The record at `position`, or nullopt if none is whole there; kCorrupt if it is whole but
// senseless.
Result<std::optional<std::vector<Entry>>> NextRecord(std::string_view text, LogPosition* position) {
  const std::string_view rest = text.substr(position->offset);
  const auto header = ParseRecordHeader(rest);
  if (!header || header->sequence != position->sequence + 1) return std::nullopt;
  const std::string_view payload = rest.substr(header->length, header->size);
  std::string hashed = position->chain + " " + std::to_string(header->sequence) + "\n";
  hashed += payload;
  if (base::Sha256(hashed).Hex().substr(0, kChainDigits) != header->chain) return std::nullopt;
  const std::uint64_t start = position->offset + header->length;
  TRY_ASSIGN(auto entries, ParsePayload(payload, start));
  *position = {start + header->size, header->sequence, std::string(header->chain)};
  return std::optional(std::move(entries));
}

// Behind the last whole record: filled space, one append that did not complete, or damage, which
// shows by a further record (no text can pose as one: texts are framed by "#|").
LogEnd Classify(std::string_view rest) {
  const bool filled =
      std::all_of(rest.begin(), rest.end(), [](char c) { return c == '\n' || c == '\0'; });
  if (filled) return LogEnd::kClean;
  // By its own length too: the damage may be the newline before the next record.
  const auto header = ParseRecordHeader(rest);
  const bool followed = header && rest.substr(header->length + header->size).starts_with("#r ");
  const bool further = rest.find("\n#r ") != std::string_view::npos;
  return followed || further ? LogEnd::kCorrupt : LogEnd::kTorn;
}

Result<std::string> ParseHeader(std::string_view text, LogPosition* position) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(kMagic) || end == std::string_view::npos) {
    return Fail(ErrorCode::kCorrupt, "not a ledger: the first line is wrong");
  }
  const auto words = base::Split(text.substr(kMagic.size(), end - kMagic.size()), ' ');
  const auto version = base::ParseInt<std::uint32_t>(words[0]);
  if (!version || *version == 0) return Fail(ErrorCode::kCorrupt, "not a ledger: no version");
  if (*version > kLedgerVersion) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the ledger is of version " + std::to_string(*version) +
                    ", this agent knows version " + std::to_string(kLedgerVersion) +
                    ": use a newer agent; nothing is changed");
  }
  if (words.size() != 2 || words[1].size() != kNonceDigits || !base::HexDecode(words[1])) {
    return Fail(ErrorCode::kCorrupt, "not a ledger: the first line is wrong");
  }
  const std::string header = EncodeHeader(words[1], position);
  if (!text.starts_with(header)) return Fail(ErrorCode::kCorrupt, "the ledger's header is damaged");
  return std::string(words[1]);
}

}  // namespace

Result<Replay> ReplayLog(std::string_view text) {
  Replay replay;
  TRY_ASSIGN(replay.nonce, ParseHeader(text, &replay.end));
  for (;;) {
    auto entries = NextRecord(text, &replay.end);
    if (entries && !*entries) break;
    auto applied = entries ? ApplyEntries(**entries, &replay.state)
                           : Result<>(Fail(std::move(entries).error()));
    if (!applied) {
      replay.tail = LogEnd::kCorrupt;
      replay.problem =
          applied.error().message + " (record " + std::to_string(replay.end.sequence + 1) + ")";
      return replay;
    }
  }
  replay.tail = Classify(text.substr(replay.end.offset));
  if (replay.tail == LogEnd::kTorn) replay.problem = "the last append did not complete; it is cut";
  if (replay.tail == LogEnd::kCorrupt) {
    replay.problem = "damaged behind record " + std::to_string(replay.end.sequence);
  }
  return replay;
}

}  // namespace seccompd::install
