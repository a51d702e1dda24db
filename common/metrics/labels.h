// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace seccompd::metrics {

// The closed label sets. Every value has a series from the start, so that a rate over it is never
// lost; enumerators index the arrays of names.
enum class ProfileState : std::uint8_t {
  kInstalled,
  kPending,
  kInvalid,
  kForeign,
  kShadowed,
  kContested,
};
enum class FileOperation : std::uint8_t { kCreate, kUpdate, kDelete };
enum class DriftKind : std::uint8_t { kContent, kMode, kMissing, kSymlink };
// What a container asks for.
enum class Expected : std::uint8_t { kLocalhost, kRuntimeDefault, kUnconfined, kUnset };
enum class Verdict : std::uint8_t {
  kMatch,
  kFiltered,
  kNotEnforced,
  kWeaker,
  kStricter,
  kDiffers,
  kStale,
  kUnconfined,
  kNotApplicable,
  kUnknown,
};
enum class Evidence : std::uint8_t { kStatus, kFilter };
enum class SeccompMode : std::uint8_t { kDisabled, kStrict, kFilter };
// Whether the calls of a check are blocked.
enum class CheckResult : std::uint8_t { kBlocked, kPermitted, kBypassable, kUnknown };
// Why a pod's localhostProfile has no file.
enum class Unserved : std::uint8_t { kMissing, kInvalid, kPending };
// What a watch of the API server brings, why it was opened again, why everything was listed.
enum class WatchEvent : std::uint8_t { kAdded, kModified, kDeleted, kBookmark };
enum class Rewatch : std::uint8_t { kTimeout, kEof, kExpired, kError, kIdle, kThrottled };
enum class Relist : std::uint8_t { kStart, kExpired, kError, kResync };
// Reasons of the Events that the agent writes.
enum class EventReason : std::uint8_t { kNotEnforced, kStale, kWeaker, kMissing, kInvalid };

template <class E>
struct LabelValues;

template <>
struct LabelValues<ProfileState> {
  static constexpr std::array<std::string_view, 6> kNames = {"installed", "pending",  "invalid",
                                                             "foreign",   "shadowed", "contested"};
};
template <>
struct LabelValues<FileOperation> {
  static constexpr std::array<std::string_view, 3> kNames = {"create", "update", "delete"};
};
template <>
struct LabelValues<DriftKind> {
  static constexpr std::array<std::string_view, 4> kNames = {"content", "mode", "missing",
                                                             "symlink"};
};
template <>
struct LabelValues<Expected> {
  static constexpr std::array<std::string_view, 4> kNames = {"localhost", "runtime_default",
                                                             "unconfined", "unset"};
};
template <>
struct LabelValues<Verdict> {
  static constexpr std::array<std::string_view, 10> kNames = {
      "match",   "filtered", "not_enforced", "weaker",         "stricter",
      "differs", "stale",    "unconfined",   "not_applicable", "unknown"};
};
template <>
struct LabelValues<Evidence> {
  static constexpr std::array<std::string_view, 2> kNames = {"status", "filter"};
};
template <>
struct LabelValues<SeccompMode> {
  static constexpr std::array<std::string_view, 3> kNames = {"disabled", "strict", "filter"};
};
template <>
struct LabelValues<Unserved> {
  static constexpr std::array<std::string_view, 3> kNames = {"missing", "invalid", "pending"};
};

template <>
struct LabelValues<CheckResult> {
  static constexpr std::array<std::string_view, 4> kNames = {"blocked", "permitted", "bypassable",
                                                             "unknown"};
};
template <>
struct LabelValues<WatchEvent> {
  static constexpr std::array<std::string_view, 4> kNames = {"added", "modified", "deleted",
                                                             "bookmark"};
};
template <>
struct LabelValues<Rewatch> {
  static constexpr std::array<std::string_view, 6> kNames = {"timeout", "eof",  "expired",
                                                             "error",   "idle", "throttled"};
};
template <>
struct LabelValues<Relist> {
  static constexpr std::array<std::string_view, 4> kNames = {"start", "expired", "error", "resync"};
};
template <>
struct LabelValues<EventReason> {
  static constexpr std::array<std::string_view, 5> kNames = {
      "SeccompProfileNotEnforced", "SeccompProfileStale", "SeccompProfileWeaker",
      "SeccompProfileMissing", "SeccompProfileInvalid"};
};

template <class E>
constexpr std::string_view LabelName(E value) {
  return LabelValues<E>::kNames[static_cast<std::size_t>(value)];
}

// One T for each label value.
template <class E, class T = std::uint64_t>
class Per {
 public:
  static constexpr std::size_t kSize = LabelValues<E>::kNames.size();

  T& operator[](E value) { return values_[static_cast<std::size_t>(value)]; }
  const T& operator[](E value) const { return values_[static_cast<std::size_t>(value)]; }

  bool operator==(const Per&) const = default;

 private:
  std::array<T, kSize> values_{};
};

}  // namespace seccompd::metrics
