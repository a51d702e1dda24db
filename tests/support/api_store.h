// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seccompd::test_support {

// The storage of the test API server: objects under one growing resourceVersion, and the history
// that watches and old pages are served from, until it is compacted. Semantics of
// apiserver/pkg/storage.

// "configmaps" in one namespace, or in all if that is empty.
struct ApiScope {
  std::string resource;
  std::string name_space = {};
};

// labelSelector and fieldSelector of a request.
class ApiSelector {
 public:
  // nullopt for text that a real server answers with 400.
  static std::optional<ApiSelector> Parse(std::string_view labels, std::string_view fields);
  [[nodiscard]] bool Matches(const boost::json::object& object) const;

 private:
  struct Term {
    bool label = false;
    std::string key;
    enum class Kind { kExists, kAbsent, kIn, kNotIn } kind = Kind::kExists;
    std::vector<std::string> values;
  };
  static std::optional<std::vector<Term>> ParseTerms(std::string_view text, bool label);
  std::vector<Term> terms_;
};

struct ApiChange {
  std::uint64_t version = 0;
  std::string resource;
  std::string name_space;
  std::optional<boost::json::object> before = {};
  std::optional<boost::json::object> after = {};
};

class ApiStore {
 public:
  using Objects = std::map<std::string, boost::json::object>;  // by "resource/namespace/name"

  // Creates or updates; sets uid, creationTimestamp and resourceVersion. The new version.
  std::uint64_t Put(const std::string& resource, boost::json::object object);
  // False if there is no such object.
  bool Remove(const std::string& resource, const std::string& name_space, const std::string& name);
  [[nodiscard]] const boost::json::object* Find(const std::string& resource,
                                                const std::string& name_space,
                                                const std::string& name) const;

  [[nodiscard]] std::uint64_t version() const { return version_; }
  // Watches below this version and pages of it are expired.
  [[nodiscard]] std::uint64_t compacted() const { return compacted_; }
  // Forgets the history up to `version`; 0 means all of it.
  void Compact(std::uint64_t version = 0);
  // Keeps at most so many changes, as a watch cache does.
  void LimitHistory(std::size_t changes) { history_limit_ = changes; }

  // The objects as of a version that is not compacted, or now.
  [[nodiscard]] Objects At(std::uint64_t version) const;
  [[nodiscard]] const Objects& objects() const { return objects_; }
  [[nodiscard]] const std::deque<ApiChange>& history() const { return history_; }

  // Another store takes over whose versions are behind: a backup, or another API server's cache.
  void GoBackTo(std::uint64_t version);

 private:
  void Record(ApiChange change);

  Objects objects_;
  Objects base_;  // as of compacted_
  std::deque<ApiChange> history_;
  std::size_t history_limit_ = 100'000;
  std::uint64_t version_ = 1'000;
  std::uint64_t compacted_ = 1'000;
  std::uint64_t uids_ = 0;
};

[[nodiscard]] std::string ApiKey(std::string_view resource, std::string_view name_space,
                                 std::string_view name);
// metadata.<field>, "" if absent.
[[nodiscard]] std::string MetaText(const boost::json::object& object, std::string_view field);

// JSON patch (RFC 6902: test, add, replace, remove) and merge patch (RFC 7386), which is what a
// strategic one of the fields that events have comes to. False if a test fails or a path is wrong.
[[nodiscard]] bool ApplyJsonPatch(boost::json::object* object, const boost::json::value& patch);
void ApplyMergePatch(boost::json::object* object, const boost::json::object& patch);

}  // namespace seccompd::test_support
