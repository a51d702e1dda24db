// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_state.h"

#include <algorithm>

#include "common/base/strings.h"
#include "tests/support/api_rbac.h"

namespace seccompd::test_support {

std::string ApiRequest::Query(const std::string& key) const {
  const auto found = query.find(key);
  return found == query.end() ? "" : found->second;
}

std::string ApiRequest::Header(const std::string& key) const {
  const auto found = headers.find(key);
  return found == headers.end() ? "" : found->second;
}

std::uint64_t ApiState::CacheVersion() const {
  return std::min(store.version(), behaviour.cache_version.value_or(store.version()));
}

const std::map<std::string, ApiKind>& ApiKinds() {
  static const std::map<std::string, ApiKind> kKinds = {
      {"/configmaps", {"ConfigMap", "v1"}},
      {"/pods", {"Pod", "v1"}},
      {"/secrets", {"Secret", "v1"}},
      {"/serviceaccounts", {"ServiceAccount", "v1"}},
      {"/nodes", {"Node", "v1", false}},
      {"/namespaces", {"Namespace", "v1", false}},
      {"/events", {"Event", "v1"}},
      {"apps/daemonsets", {"DaemonSet", "apps/v1"}},
      {"events.k8s.io/events", {"Event", "events.k8s.io/v1"}},
      {"rbac.authorization.k8s.io/roles", {"Role", "rbac.authorization.k8s.io/v1"}},
      {"rbac.authorization.k8s.io/rolebindings", {"RoleBinding", "rbac.authorization.k8s.io/v1"}},
      {"rbac.authorization.k8s.io/clusterroles",
       {"ClusterRole", "rbac.authorization.k8s.io/v1", false}},
      {"rbac.authorization.k8s.io/clusterrolebindings",
       {"ClusterRoleBinding", "rbac.authorization.k8s.io/v1", false}},
  };
  return kKinds;
}

std::optional<ApiKind> KindOf(const std::string& group, const std::string& resource) {
  const auto found = ApiKinds().find(group + "/" + resource);
  if (found == ApiKinds().end()) return std::nullopt;
  return found->second;
}

std::string StatusJson(int code, const std::string& reason, const std::string& message,
                       const std::string& details) {
  std::string text = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
                     R"("message":")" +
                     base::EscapeJson(message) + R"(","reason":")" + reason + '"';
  if (!details.empty()) text += R"(,"details":)" + details;
  return text + R"(,"code":)" + std::to_string(code) + "}";
}

ApiResponse StatusResponse(int code, const std::string& reason, const std::string& message,
                           const std::string& details) {
  ApiResponse response;
  response.status = code;
  response.body = StatusJson(code, reason, message, details) + "\n";
  return response;
}

ApiResponse ForbiddenResponse(const std::string& user, const ApiRequest& request) {
  std::string message = request.resource + " is forbidden: User \"" + user + "\" cannot " +
                        request.verb + " resource \"" + request.resource + "\" in API group \"" +
                        request.group + "\"";
  message += request.name_space.empty() ? " at the cluster scope"
                                        : " in the namespace \"" + request.name_space + "\"";
  return StatusResponse(403, "Forbidden", message, R"({"kind":")" + request.resource + R"("})");
}

bool RouteRequest(ApiRequest* request) {
  auto parts = base::Split(std::string_view(request->path).substr(1), '/');
  std::size_t at = 0;
  if (parts.size() >= 2 && parts[0] == "api" && parts[1] == "v1") {
    at = 2;
  } else if (parts.size() >= 3 && parts[0] == "apis") {
    request->group = parts[1];
    at = 3;
  } else {
    return false;
  }
  if (parts.size() >= at + 3 && parts[at] == "namespaces") {
    request->name_space = parts[at + 1];
    at += 2;
  }
  if (parts.size() <= at || parts.size() > at + 3) return false;
  request->resource = parts[at];
  if (parts.size() >= at + 2) request->name = parts[at + 1];
  if (parts.size() == at + 3) request->subresource = parts[at + 2];
  const bool collection = request->name.empty();
  if (request->method == "GET") {
    const std::string watch = request->Query("watch");
    const bool watching = collection && (watch == "1" || watch == "true");
    request->verb = watching ? "watch" : collection ? "list" : "get";
  } else if (request->method == "POST" && (collection || !request->subresource.empty())) {
    request->verb = "create";
  } else if (request->method == "PATCH" && !collection) {
    request->verb = "patch";
  } else if (request->method == "PUT" && !collection) {
    request->verb = "update";
  } else if (request->method == "DELETE" && !collection) {
    request->verb = "delete";
  }
  return true;
}

std::optional<ApiResponse> Refusal(const ApiState& state, const ApiRequest& request) {
  const ApiBehaviour& behaviour = state.behaviour;
  if (!state.users.empty()) {
    if (auto refused = RefusedByRbac(state, request)) return refused;
  }
  const std::string authorization = request.Header("authorization");
  if (!behaviour.tokens.empty()) {
    const bool bearer = authorization.starts_with("Bearer ");
    if (!bearer || !behaviour.tokens.contains(authorization.substr(7))) {
      return StatusResponse(401, "Unauthorized", "Unauthorized");
    }
  }
  for (const ApiDenial& denial : behaviour.denied) {
    const auto matches = [](const std::string& mine, const std::string& theirs) {
      return mine.empty() || mine == theirs;
    };
    if (!matches(denial.verb, request.verb) || !matches(denial.resource, request.resource) ||
        !matches(denial.name_space, request.name_space)) {
      continue;
    }
    return ForbiddenResponse("system:serviceaccount:seccompd:seccompd", request);
  }
  return std::nullopt;
}

}  // namespace seccompd::test_support
