// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_discovery.h"

#include <boost/json.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

ApiResponse Json(const json::value& value) {
  ApiResponse response;
  response.body = json::serialize(value) + "\n";
  return response;
}

std::string GroupOf(const std::string& key) { return key.substr(0, key.find('/')); }
std::string ResourceOf(const std::string& key) { return key.substr(key.find('/') + 1); }

json::object OfVersion(const std::string& group_version) {
  const std::size_t slash = group_version.find('/');
  return {
      {"groupVersion", group_version},
      {"version", slash == std::string::npos ? group_version : group_version.substr(slash + 1)}};
}

json::value Groups() {
  std::map<std::string, std::string> versions;
  for (const auto& [key, kind] : ApiKinds()) versions[GroupOf(key)] = kind.api_version;
  versions.erase("");
  json::array groups;
  for (const auto& [name, group_version] : versions) {
    groups.push_back({{"name", name},
                      {"versions", json::array{OfVersion(group_version)}},
                      {"preferredVersion", OfVersion(group_version)}});
  }
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}};
}

json::value Resources(const std::string& group_version) {
  json::array resources;
  for (const auto& [key, kind] : ApiKinds()) {
    if (kind.api_version != group_version) continue;
    resources.push_back(
        {{"name", ResourceOf(key)},
         {"singularName", ""},
         {"namespaced", kind.namespaced},
         {"kind", kind.kind},
         {"verbs", json::array{"create", "delete", "get", "list", "patch", "update", "watch"}}});
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group_version},
          {"resources", resources}};
}

// "api/v1", "apis/events.k8s.io/v1"
std::string PathOf(const std::string& group_version) {
  return (group_version.find('/') == std::string::npos ? "api/" : "apis/") + group_version;
}

json::value OpenApiIndex() {
  json::object paths;
  for (const auto& [key, kind] : ApiKinds()) {
    const std::string path = PathOf(kind.api_version);
    paths[path] = {{"serverRelativeURL", "/openapi/v3/" + path + "?hash=0"}};
  }
  return {{"paths", paths}};
}

json::value OpenApi(const std::string& group_path) {
  const json::array parameters{
      {{"name", "fieldValidation"}, {"in", "query"}, {"schema", {{"type", "string"}}}}};
  json::object paths;
  for (const auto& [key, kind] : ApiKinds()) {
    if (PathOf(kind.api_version) != group_path) continue;
    const std::size_t slash = kind.api_version.find('/');
    const json::value gvk = {{"group", GroupOf(key)},
                             {"version", kind.api_version.substr(slash + 1)},
                             {"kind", kind.kind}};
    const std::string space = kind.namespaced ? "/namespaces/{namespace}/" : "/";
    paths["/" + group_path + space + ResourceOf(key) + "/{name}"] = {
        {"patch",
         {{"parameters", parameters},
          {"x-kubernetes-group-version-kind", gvk},
          {"responses", json::object()}}}};
  }
  return {{"openapi", "3.0.0"},
          {"info", {{"title", "Kubernetes"}, {"version", "test"}}},
          {"paths", paths}};
}

}  // namespace

std::optional<ApiResponse> HandleDiscovery(const ApiRequest& request) {
  if (request.method != "GET") return std::nullopt;
  if (request.path == "/version") {
    return Json({{"major", "1"}, {"minor", "33"}, {"gitVersion", "v1.33.1"}});
  }
  if (request.path == "/api") {
    return Json({{"kind", "APIVersions"},
                 {"versions", json::array{"v1"}},
                 {"serverAddressByClientCIDRs", json::array()}});
  }
  if (request.path == "/apis") return Json(Groups());
  if (request.path == "/openapi/v3") return Json(OpenApiIndex());
  for (const auto& [key, kind] : ApiKinds()) {
    const std::string path = PathOf(kind.api_version);
    if (request.path == "/" + path) return Json(Resources(kind.api_version));
    if (request.path == "/openapi/v3/" + path) return Json(OpenApi(path));
  }
  return std::nullopt;
}

}  // namespace seccompd::test_support
