// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/unique_fd.h"

namespace seccompd::base {
namespace {

using namespace std::chrono_literals;

TEST(ErrnoError, CarriesCodeNumberAndText) {
  const Error error = ErrnoError(ENOSPC, "write 'a.json'");
  EXPECT_EQ(error.code, ErrorCode::kNoSpace);
  EXPECT_EQ(error.sys_errno, ENOSPC);
  EXPECT_EQ(error.message, "write 'a.json': No space left on device");
}

// They are label values and words of diagnostics: none may stand for two codes.
TEST(ErrorCodeName, EachCodeHasAWordOfItsOwn) {
  std::set<std::string_view> names;
  constexpr auto kLast = static_cast<int>(ErrorCode::kInternal);
  for (int code = 0; code <= kLast; ++code) {
    names.insert(ErrorCodeName(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kLast) + 1);
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNoSpace), "no space");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kInternal), "internal error");
}

TEST(ErrnoError, GroupsNumbersByWhatTheCallerCanDo) {
  EXPECT_EQ(ErrnoError(EMFILE, "").code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ErrnoError(EROFS, "").code, ErrorCode::kReadOnly);
  EXPECT_EQ(ErrnoError(ESRCH, "").code, ErrorCode::kGone);
  EXPECT_EQ(ErrnoError(ENOENT, "").code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrnoError(EPERM, "").code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(ErrnoError(EIO, "").code, ErrorCode::kIo);
  EXPECT_EQ(ErrnoError(EPIPE, "").code, ErrorCode::kUnavailable);
  EXPECT_EQ(ErrnoError(ECANCELED, "").code, ErrorCode::kCancelled);
  EXPECT_EQ(ErrnoError(ETIMEDOUT, "").code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(ErrnoError(ELOOP, "").code, ErrorCode::kInvalidArgument);
}

TEST(WithContext, TellsTheErrorFromFurtherOut) {
  EXPECT_EQ(WithContext(ErrnoError(EIO, "read"), "install 'x'").message,
            "install 'x': read: Input/output error");
}

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  TRY_ASSIGN(const int half, Half(n));
  TRY(Half(half));
  return half / 2;
}

TEST(TryAssign, ReturnsTheFirstError) {
  EXPECT_EQ(Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message, "odd");
  EXPECT_EQ(Quarter(3).error().code, ErrorCode::kInvalidArgument);
}

TEST(UniqueFd, ClosesOnceAndMovesOwnership) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  second.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Sha256, MatchesTheStandardsExample) {
  EXPECT_EQ(Sha256("abc").Hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abc").ShortHex(), "ba7816bf8f01");
  EXPECT_EQ(ParseDigest(Sha256("abc").Hex()), Sha256("abc"));
  EXPECT_EQ(ParseDigest("ba78"), std::nullopt);
}

TEST(FormatTime, IsRfc3339InUtc) {
  const WallTime time{std::chrono::sys_days{2026y / 11 / 24} + 3h + 4min + 11s + 7ms};
  EXPECT_EQ(FormatTime(time), "2026-11-24T03:04:11Z");
  EXPECT_EQ(FormatTime(time, true), "2026-11-24T03:04:11.007Z");
}

TEST(ParseTime, ReadsOffsetsAndFractions) {
  const WallTime time{std::chrono::sys_days{2026y / 11 / 24} + 3h + 4min + 11s};
  EXPECT_EQ(ParseTime("2026-11-24T03:04:11Z"), time);
  EXPECT_EQ(ParseTime("2026-11-24T05:34:11+02:30"), time);
  EXPECT_EQ(ParseTime("2026-11-24T03:04:11.123456Z"), time + 123ms);
  for (const char* bad : {"", "2026-11-24", "2026-11-24T03:04:11", "2026-13-24T03:04:11Z",
                          "2026-02-30T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T03:04:11.Z",
                          "2026-11-24T03:04:11Zx", "-026-11-24T03:04:11Z"}) {
    EXPECT_EQ(ParseTime(bad), std::nullopt) << bad;
  }
}

TEST(SeenFrom, IsTheAgeByTheBootsClockWithinABootAndTheWallClockBeforeIt) {
  const WallTime day = *ParseTime("2026-11-24T00:00:00Z");
  const auto moment = [](WallTime wall, std::uint64_t boot, std::chrono::seconds since_boot) {
    Moment made = wall;
    made.boot = boot;
    made.since_boot = since_boot;
    return made;
  };
  const Moment now = moment(day + 5h, 7, 100s);  // set five hours forward
  EXPECT_EQ(SeenFrom(now, moment(day, 7, 40s)), day + 5h - 60s);
  EXPECT_EQ(SeenFrom(now, moment(day, 7, 200s)), day + 5h) << "nothing is of the future";
  EXPECT_EQ(SeenFrom(now, moment(day, 6, 40s)), day);
  EXPECT_EQ(SeenFrom(now, moment(day + 9h, 6, 40s)), day + 5h - 100s);
  EXPECT_EQ(SeenFrom(now, day + 9h), day + 9h) << "an older ledger";
  EXPECT_EQ(SeenFrom(day, moment(day + 9h, 6, 40s)), day + 9h) << "a reader that knows no boot";
}

TEST(BootNumber, IsTheIdsFirstHalf) {
  EXPECT_EQ(BootNumber("fedcba98-7654-3210-8bbe-000000000001"), 0xfedcba9876543210U);
  EXPECT_EQ(BootNumber(""), 0U);
  EXPECT_EQ(BootNumber("fedcba98-7654"), 0U);
  EXPECT_EQ(BootNumber("fedcba98-7654-321x-8bbe-000000000001"), 0U);
}

TEST(FormatAge, UsesOneUnit) {
  EXPECT_EQ(FormatAge(-1s), "0s");
  EXPECT_EQ(FormatAge(59s), "59s");
  EXPECT_EQ(FormatAge(61s), "1m");
  EXPECT_EQ(FormatAge(3h + 59min), "3h");
  EXPECT_EQ(FormatAge(47h), "47h");
  EXPECT_EQ(FormatAge(49h), "2d");
}

TEST(ParseDuration, ReadsGosNotation) {
  EXPECT_EQ(ParseDuration("168h"), 168h);
  EXPECT_EQ(ParseDuration("1m30s"), 90s);
  EXPECT_EQ(ParseDuration("250ms"), 250ms);
  EXPECT_EQ(ParseDuration("0"), 0ms);
  for (const char* bad : {"", "1", "h", "1d", "-1s", "1.5h", "4294967295h4294967295h", "1 s"}) {
    EXPECT_EQ(ParseDuration(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace seccompd::base
