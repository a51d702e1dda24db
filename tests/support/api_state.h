// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/api_store.h"

namespace seccompd::test_support {

// What the test API server knows and how it behaves; only its own thread touches it.

struct ApiRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  // From the path:
  std::string group;  // "" for /api/v1
  std::string resource;
  std::string name_space;
  std::string name;
  std::string subresource;  // "token"
  std::string verb;         // get, list, watch, create, update, patch, delete
  std::uint64_t connection = 0;
  std::chrono::steady_clock::time_point time;

  [[nodiscard]] std::string Query(const std::string& key) const;
  [[nodiscard]] std::string Header(const std::string& key) const;
};

struct ApiResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string content_type = "application/json";
  std::string body = {};
  bool close = false;
};

// Instead of the true answer, for the next `times` requests that match.
struct ApiFault {
  std::string verb = {};      // "": any
  std::string resource = {};  // "": any
  int times = 1;
  ApiResponse response = {};
  bool hang_up = false;  // the connection is closed without an answer
  bool silent = false;   // no answer ever
  int skip = 0;          // let so many matching requests pass first
};

// Access that was taken away; empty members match everything.
struct ApiDenial {
  std::string verb = {};
  std::string resource = {};
  std::string name_space = {};
  bool operator==(const ApiDenial&) const = default;
};

enum class InitialEvents : std::uint8_t { kAccept, kInvalid, kIgnore };

struct ApiState;

struct ApiBehaviour {
  std::set<std::string> tokens = {};  // empty: no authentication
  std::vector<ApiDenial> denied = {};
  std::deque<ApiFault> faults = {};
  InitialEvents initial_events = InitialEvents::kAccept;
  bool bookmarks = true;
  std::chrono::milliseconds bookmark_period{60'000};
  std::size_t chunk_bytes = 0;  // of a watch: each chunk this small and sent alone; 0: an event
  bool end_watches_at_once = false;        // a broken proxy
  bool silent_watches = false;             // half-open: nothing is sent, nothing is closed
  bool expired_as_status = false;          // 410 before the stream instead of an ERROR event
  std::string expired_reason = "Expired";  // "Gone" up to 1.17
  std::size_t gzip_over = 128 * 1024;
  std::size_t gzip_member = 0;  // a new member after so many bytes of a compressed body
  bool gzip_watches = false;    // WatchListCompression: a member per flush
  std::optional<std::uint64_t> cache_version = {};   // the watch cache has seen no more than this
  bool watch_cache = true;                           // without it, pages begin at version "0", too
  std::chrono::milliseconds cache_wait{3'000};       // for a version that it has not seen yet
  std::function<void(ApiState&)> before_patch = {};  // what somebody else does just before one
  std::string warning = {};                          // a Warning header on every answer
  bool token_requests =
      true;  // without them a service account has a secret with its token (< 1.24)
};

// Whose a token is. An administrator may do everything; what others may is what roles say.
struct ApiUser {
  std::string name;       // "system:serviceaccount:<namespace>:<name>"
  std::string node = {};  // the node that the token is bound to
  bool administrator = false;
};

struct ApiState {
  ApiStore store;
  ApiBehaviour behaviour;
  std::map<std::string, ApiUser> users;  // by token; not empty: RBAC decides (api_rbac.h)
  std::deque<ApiRequest> requests;
  bool keep_requests = true;

  // The newest version that the watch cache has.
  [[nodiscard]] std::uint64_t CacheVersion() const;
};

// Kind and group version of a resource: "ConfigMap", "v1".
struct ApiKind {
  std::string kind;
  std::string api_version;
  bool namespaced = true;
};
// By "group/resource".
[[nodiscard]] const std::map<std::string, ApiKind>& ApiKinds();
[[nodiscard]] std::optional<ApiKind> KindOf(const std::string& group, const std::string& resource);

// A Status object, as recorded from a real server.
[[nodiscard]] ApiResponse StatusResponse(int code, const std::string& reason,
                                         const std::string& message,
                                         const std::string& details = "");
[[nodiscard]] std::string StatusJson(int code, const std::string& reason,
                                     const std::string& message, const std::string& details = "");

// 403, as a real server words it.
[[nodiscard]] ApiResponse ForbiddenResponse(const std::string& user, const ApiRequest& request);

// Reads resource, namespace, name and verb from method, path and query. False for another path.
[[nodiscard]] bool RouteRequest(ApiRequest* request);

// 401 or 403, or nothing.
[[nodiscard]] std::optional<ApiResponse> Refusal(const ApiState& state, const ApiRequest& request);

// Any request but a watch.
[[nodiscard]] ApiResponse HandleRequest(ApiState* state, const ApiRequest& request);

// True while the request asks for a version that the cache may still reach.
[[nodiscard]] bool MustWaitForCache(const ApiState& state, const ApiRequest& request);

}  // namespace seccompd::test_support
