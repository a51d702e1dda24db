// SPDX-License-Identifier: Apache-2.0
#include "common/install/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/document/document.h"
#include "tests/support/matchers.h"
#include "tests/unit/install/desired_literals.h"

namespace seccompd::install {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

constexpr std::string_view kNonce = "0123456789abcdef";
const std::string kText = "{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\"\n}\n";

// A log as an agent writes it, with the state after every record.
class Log {
 public:
  Log() { text_ = EncodeHeader(kNonce, &position_); }

  Log& Add(std::vector<Entry> entries) {
    starts_.push_back(text_.size());
    text_ += EncodeRecord(entries, &position_);
    EXPECT_THAT(ApplyEntries(entries, &state_), IsOk());
    states_.push_back(state_);
    return *this;
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const LedgerState& state() const { return state_; }
  [[nodiscard]] const LogPosition& position() const { return position_; }
  // After all records that are whole in the first `size` bytes.
  [[nodiscard]] LedgerState StateAt(std::size_t size) const {
    LedgerState state;
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] : text_.size();
      if (end <= size) state = states_[i];
    }
    return state;
  }

 private:
  std::string text_;
  LogPosition position_;
  LedgerState state_;
  std::vector<std::size_t> starts_;
  std::vector<LedgerState> states_;
};

Announce Will(std::string path, std::uint32_t number, const std::string& bytes, bool body = true) {
  return {std::move(path), Rev(number, bytes), "ns/cm", "ConfigMap ns/cm key a b",
          body ? std::optional(bytes) : std::nullopt};
}

Log Life() {
  Log log;
  log.Add({MadeDirectory{"web"}, Will("web/a.json", 1, kText)})
      .Add({Installed{"web/a.json", At(1)}})
      .Add({Will("web/a.json", 2, "{}\n"), Will("b c%.json", 1, "[]")})
      .Add({Installed{"web/a.json", At(2)}, Cancelled{"b c%.json"}})
      .Add({Established{"d.json", Rev(1, "x"), "", "file d.yaml", "x"}, Orphaned{"d.json", At(3)}})
      .Add({Claimed{"d.json", "n/e", ""}, Orphaned{"d.json", At(4)}, Removing{"d.json", {7, 8}}})
      .Add({Released{"d.json"}, DroppedDirectory{"d"}})
      .Add({Will("web/a.json", 3, kText, false)});
  return log;
}

TEST(ReplayLog, GivesTheStateThatWasWritten) {
  const Log log = Life();
  const auto replay = ReplayLog(log.text());
  ASSERT_THAT(replay, IsOk());
  EXPECT_EQ(replay->tail, LogEnd::kClean);
  EXPECT_EQ(replay->state, log.state());
  EXPECT_EQ(replay->end, log.position());
  EXPECT_EQ(replay->nonce, kNonce);
  const OwnedPath& owned = replay->state.paths.at("web/a.json");
  ASSERT_THAT(owned.revisions, SizeIs(2));
  EXPECT_EQ(owned.InForce()->number, 2U);
  EXPECT_EQ(owned.InForce()->installed, At(2));
  EXPECT_EQ(owned.pending->digest, base::Sha256(kText));
}

TEST(ReplayLog, SaysWhichBuildComputedAMeaning) {
  Announce announced = Will("web/a.json", 1, kText);
  announced.revision.build = "0123abcd";
  Log log;
  log.Add({announced}).Add({Installed{"web/a.json", At(1)}, Will("b.json", 1, "{}")});
  const LedgerState state = ReplayLog(log.text()).value().state;
  EXPECT_EQ(state, log.state());
  EXPECT_THAT(state.MeaningBy("0123abcd", announced.revision.digest),
              Optional(announced.revision.meaning));
  EXPECT_EQ(state.MeaningBy("another", announced.revision.digest), std::nullopt);
  EXPECT_EQ(state.MeaningBy("0123abcd", base::Sha256("other bytes")), std::nullopt);
  EXPECT_EQ(state.MeaningBy("", base::Sha256("{}")), std::nullopt);  // "" is no build
}

TEST(ReplayLog, KeepsTheBootBesideATimeAndDoesWithoutItInAnOlderLedger) {
  base::Moment moment = At(5);
  moment.boot = 0xfedcba9876543210;
  moment.since_boot = std::chrono::milliseconds(1'234);
  Announce announced = Will("web/a.json", 1, kText);
  announced.revision.installed = moment;
  Log log;
  log.Add({announced}).Add({Installed{"web/a.json", moment}, Orphaned{"web/a.json", moment}});
  log.Add({Established{"b.json", announced.revision, "", "", kText}, Orphaned{"b.json", At(6)}});
  const LedgerState state = ReplayLog(log.text()).value().state;
  EXPECT_EQ(state, log.state());
  EXPECT_EQ(state.paths.at("web/a.json").InForce()->installed, moment);
  EXPECT_EQ(state.paths.at("web/a.json").orphaned, moment);
  EXPECT_EQ(state.paths.at("b.json").InForce()->installed, moment);
  EXPECT_EQ(state.paths.at("b.json").orphaned->boot, 0U);
}

TEST(ReplayLog, ATextKnownAlreadyIsNotWrittenAgain) {
  const auto replay = ReplayLog(Life().text()).value();
  const OwnedPath& owned = replay.state.paths.at("web/a.json");
  EXPECT_EQ(owned.pending->body, owned.revisions.front().body);
  const auto framed = Life().text().substr(owned.pending->body.offset, owned.pending->body.size);
  EXPECT_THAT(UnframeBody(framed), Optional(kText));
}

TEST(ReplayLog, EveryPrefixIsTheStateOfItsWholeRecords) {
  const Log log = Life();
  LogPosition start;
  const std::size_t header = EncodeHeader(kNonce, &start).size();
  for (std::size_t size = header; size <= log.text().size(); ++size) {
    for (const std::string& rest : {std::string(), std::string(40, '\n'), std::string(40, '\0')}) {
      const auto replay = ReplayLog(log.text().substr(0, size) + rest);
      ASSERT_THAT(replay, IsOk()) << size;
      EXPECT_NE(replay->tail, LogEnd::kCorrupt) << size;
      // A newline of the filling may stand for the one that was cut off.
      const bool completed =
          !rest.empty() && rest[0] == '\n' && size < log.text().size() && log.text()[size] == '\n';
      EXPECT_EQ(replay->state, log.StateAt(completed ? size + 1 : size)) << size;
    }
  }
}

TEST(ReplayLog, EveryFlippedByteIsNoticed) {
  const Log log = Life();
  for (std::size_t i = 0; i < log.text().size(); ++i) {
    std::string text = log.text();
    text[i] = static_cast<char>(text[i] ^ 1);
    const auto replay = ReplayLog(text);
    if (!replay) continue;  // in the header
    EXPECT_NE(replay->tail, LogEnd::kClean) << i;
    // Only the last record may be taken for one that did not complete.
    const bool last = replay->end.sequence == 7;
    EXPECT_TRUE(replay->tail == LogEnd::kCorrupt || last) << i;
  }
}

TEST(ReplayLog, ALostBlockInTheMiddleIsDamageNotATornEnd) {
  const Log log = Life();
  std::string text = log.text();
  for (std::size_t i = 200; i < 500; ++i) text[i] = '\0';
  const auto replay = ReplayLog(text);
  ASSERT_THAT(replay, IsOk());
  EXPECT_EQ(replay->tail, LogEnd::kCorrupt);
  EXPECT_THAT(replay->problem, HasSubstr("damaged"));
}

TEST(ReplayLog, ATextCannotPoseAsARecord) {
  Log honest;
  honest.Add({Will("x.json", 1, "y")});
  LogPosition position;
  const std::string forged = honest.text().substr(EncodeHeader(kNonce, &position).size());
  Log log;
  log.Add({Will("a.json", 1, "z\n" + forged)});
  // The first record is cut where the forged one would begin.
  const auto replay = ReplayLog(log.text().substr(0, log.text().size() - 3));
  ASSERT_THAT(replay, IsOk());
  EXPECT_EQ(replay->tail, LogEnd::kTorn);
  EXPECT_EQ(replay->state, LedgerState{});
}

TEST(ReplayLog, ANewerVersionIsNotRead) {
  std::string text = Life().text();
  text.replace(text.find("ledger 1"), 8, "ledger 2");
  EXPECT_THAT(ReplayLog(text), IsError(ErrorCode::kFailedPrecondition, HasSubstr("version 2")));
}

TEST(ReplayLog, OtherFilesAreNoLedger) {
  for (const char* text :
       {"", "\n", "{}", "# seccompd ledger", "# seccompd ledger 1\n",
        "# seccompd ledger 0 0123456789abcdef\n", "# seccompd ledger 1 0123456789abcdeg\n",
        "# seccompd ledger 1 0123456789abcdef\n# other\n"}) {
    EXPECT_THAT(ReplayLog(text), IsError(ErrorCode::kCorrupt, HasSubstr("ledger"))) << text;
  }
}

TEST(ReplayLog, AnEntryThatNoAgentWritesIsDamage) {
  for (const Entry& entry :
       std::vector<Entry>{Installed{"a", At(0)}, Cancelled{"a"}, Claimed{"a", "", ""},
                          Orphaned{"a", At(0)}, Removing{"a", {}}, MadeDirectory{"../up"}}) {
    LogPosition position;
    std::string text = EncodeHeader(kNonce, &position);
    std::vector<Entry> entries{entry};
    text += EncodeRecord(entries, &position);
    const auto replay = ReplayLog(text);
    ASSERT_THAT(replay, IsOk());
    EXPECT_EQ(replay->tail, LogEnd::kCorrupt);
  }
}

TEST(ApplyEntries, FiveRevisionsAreKept) {
  LedgerState state;
  for (std::uint32_t i = 1; i <= 8; ++i) {
    const std::vector<Entry> entries{Will("a", i, std::to_string(i)), Installed{"a", At(i)}};
    ASSERT_THAT(ApplyEntries(entries, &state), IsOk());
  }
  const OwnedPath& owned = state.paths.at("a");
  ASSERT_THAT(owned.revisions, SizeIs(kKeptRevisions));
  EXPECT_EQ(owned.revisions.front().number, 4U);
  EXPECT_EQ(owned.revisions[2].installed, At(6));
  EXPECT_EQ(owned.InForce()->number, 8U);
}

TEST(ApplyEntries, OtherBytesOfTheSameMeaningAreTheSameRevision) {
  LedgerState state;
  const std::vector<Entry> entries{Will("a", 1, "x"), Installed{"a", At(1)}, Will("a", 1, " x"),
                                   Installed{"a", At(9)}};
  ASSERT_THAT(ApplyEntries(entries, &state), IsOk());
  ASSERT_THAT(state.paths.at("a").revisions, SizeIs(1));
  EXPECT_EQ(state.paths.at("a").InForce()->installed, At(1));
  EXPECT_EQ(state.paths.at("a").InForce()->digest, base::Sha256(" x"));
}

TEST(FrameBody, AnyBytesComeBack) {
  for (const std::string& bytes :
       {std::string(), std::string("\n"), std::string("a"), std::string("a\n"),
        std::string("\n\n#| #r 1\n"), std::string("\0\n\xff", 3), kText}) {
    const std::string framed = FrameBody(bytes);
    EXPECT_THAT(UnframeBody(framed), Optional(bytes));
    for (std::size_t at = 0; at < framed.size(); at = framed.find('\n', at) + 1) {
      EXPECT_EQ(framed[at], '#');
    }
  }
  EXPECT_EQ(UnframeBody(""), std::nullopt);
  EXPECT_EQ(UnframeBody("#|a"), std::nullopt);
  EXPECT_EQ(UnframeBody("#|a\nb\n"), std::nullopt);
}

TEST(EncodeRecord, NoLedgerIsADocumentAtAnyLength) {
  const std::string text = Life().text() + std::string(100, '\n');
  for (std::size_t size = 0; size <= text.size(); size += 7) {
    EXPECT_FALSE(document::ParseJson(text.substr(0, size)).has_value());
  }
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    EXPECT_TRUE(text[at] == '#' || text[at] == '\n') << at;
  }
}

TEST(TempName, HasOneLengthWhateverTheProfile) {
  EXPECT_EQ(TempName(kNonce), ".seccompd-tmp-0123456789abcdef");
}

}  // namespace
}  // namespace seccompd::install
