// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_rbac.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

constexpr std::string_view kNodePrefix = "system:node:";

struct Ask {
  std::string verb;
  std::string group;
  std::string resource;
  std::string name_space;
  std::string name;
};

std::string TextOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

bool Lists(const json::object& rule, std::string_view key, std::string_view wanted) {
  const json::value* values = rule.if_contains(key);
  if (values == nullptr || !values->is_array()) return false;
  return std::any_of(
      values->as_array().begin(), values->as_array().end(), [wanted](const json::value& value) {
        return value.is_string() && (value.as_string() == wanted || value.as_string() == "*");
      });
}

// plugin/pkg/auth/authorizer/rbac RuleAllows.
bool RuleAllows(const json::object& rule, const Ask& ask) {
  const json::value* names = rule.if_contains("resourceNames");
  const bool any_name = names == nullptr || !names->is_array() || names->as_array().empty();
  return Lists(rule, "verbs", ask.verb) && Lists(rule, "apiGroups", ask.group) &&
         Lists(rule, "resources", ask.resource) &&
         (any_name || Lists(rule, "resourceNames", ask.name));
}

bool RoleAllows(const json::object* role, const Ask& ask) {
  if (role == nullptr) return false;
  const json::value* rules = role->if_contains("rules");
  if (rules == nullptr || !rules->is_array()) return false;
  return std::any_of(rules->as_array().begin(), rules->as_array().end(),
                     [&ask](const json::value& rule) {
                       return rule.is_object() && RuleAllows(rule.as_object(), ask);
                     });
}

bool Binds(const json::object& binding, const std::string& user) {
  const json::value* subjects = binding.if_contains("subjects");
  if (subjects == nullptr || !subjects->is_array()) return false;
  return std::any_of(subjects->as_array().begin(), subjects->as_array().end(),
                     [&user](const json::value& value) {
                       const json::object& subject = value.as_object();
                       if (TextOf(subject, "kind") == "User")
                         return TextOf(subject, "name") == user;
                       return "system:serviceaccount:" + TextOf(subject, "namespace") + ":" +
                                  TextOf(subject, "name") ==
                              user;
                     });
}

// Bindings of one kind under `scope` ("rolebindings/<namespace>/", "clusterrolebindings//").
bool BoundRoleAllows(const ApiStore& store, const std::string& scope, const std::string& user,
                     const Ask& ask) {
  const auto& objects = store.objects();
  for (auto at = objects.lower_bound(scope); at != objects.end(); ++at) {
    const auto& [key, binding] = *at;
    if (!key.starts_with(scope)) break;
    const json::value* reference = binding.if_contains("roleRef");
    if (reference == nullptr || !Binds(binding, user)) continue;
    const std::string name = TextOf(reference->as_object(), "name");
    const bool cluster = TextOf(reference->as_object(), "kind") == "ClusterRole";
    const json::object* role =
        cluster ? store.Find("clusterroles", "", name) : store.Find("roles", ask.name_space, name);
    if (RoleAllows(role, ask)) return true;
  }
  return false;
}

bool Allowed(const ApiStore& store, const std::string& user, const Ask& ask) {
  if (BoundRoleAllows(store, "clusterrolebindings//", user, ask)) return true;
  return !ask.name_space.empty() &&
         BoundRoleAllows(store, "rolebindings/" + ask.name_space + "/", user, ask);
}

// plugin/pkg/auth/authorizer/node: its own pods by field selector, and itself.
bool NodeMay(const std::string& node, const ApiRequest& request) {
  if (!request.group.empty()) return false;
  if (request.resource == "nodes") return request.verb == "get" && request.name == node;
  if (request.resource != "pods") return false;
  const bool reads = request.verb == "list" || request.verb == "watch";
  return reads && request.Query("fieldSelector") == "spec.nodeName=" + node;
}

bool MayActAs(const ApiStore& store, const ApiUser& user, const std::string& node,
              const ApiRequest& request) {
  if (user.node != node) return false;
  const Ask become{.verb = "impersonate:associated-node",
                   .group = "authentication.k8s.io",
                   .resource = "nodes",
                   .name_space = "",
                   .name = "*"};
  const Ask act{.verb = "impersonate-on:associated-node:" + request.verb,
                .group = request.group,
                .resource = request.resource,
                .name_space = request.name_space,
                .name = request.name};
  return Allowed(store, user.name, become) && Allowed(store, user.name, act);
}

}  // namespace

std::optional<ApiResponse> RefusedByRbac(const ApiState& state, const ApiRequest& request) {
  const std::string authorization = request.Header("authorization");
  const bool bearer = authorization.starts_with("Bearer ");
  const auto known = state.users.find(bearer ? authorization.substr(7) : "");
  if (known == state.users.end()) return StatusResponse(401, "Unauthorized", "Unauthorized");
  const ApiUser& user = known->second;
  if (user.administrator || request.resource.empty()) return std::nullopt;
  const std::string other = request.Header("impersonate-user");
  if (!other.empty()) {
    const std::string node = other.starts_with(kNodePrefix) ? other.substr(kNodePrefix.size()) : "";
    const bool may = !node.empty() && MayActAs(state.store, user, node, request);
    if (!may) return ForbiddenResponse(user.name, request);
    return NodeMay(node, request) ? std::nullopt : std::optional(ForbiddenResponse(other, request));
  }
  const std::string part = request.subresource.empty() ? "" : "/" + request.subresource;
  const Ask ask{.verb = request.verb,
                .group = request.group,
                .resource = request.resource + part,
                .name_space = request.name_space,
                .name = request.name};
  if (Allowed(state.store, user.name, ask)) return std::nullopt;
  return ForbiddenResponse(user.name, request);
}

}  // namespace seccompd::test_support
