// SPDX-License-Identifier: Apache-2.0
#include "common/kube/collection_query.h"

#include <cerrno>

#include "common/net/url.h"

namespace seccompd::kube {
namespace {

void Add(std::string* query, std::string_view name, std::string_view value) {
  if (!query->empty()) *query += '&';
  query->append(name).append("=").append(net::EncodeUrlText(value));
}

}  // namespace

std::string SelectorQuery(std::string_view field_selector, std::string_view label_selector) {
  std::string query;
  if (!field_selector.empty()) Add(&query, "fieldSelector", field_selector);
  if (!label_selector.empty()) Add(&query, "labelSelector", label_selector);
  return query;
}

std::string ListQuery(const ListRequest& request, const std::string& selectors) {
  std::string query = selectors;
  if (request.limit > 0) Add(&query, "limit", std::to_string(request.limit));
  if (!request.continue_token.empty()) Add(&query, "continue", request.continue_token);
  // No version means a quorum read, and "" is the same.
  if (request.resource_version && !request.resource_version->empty()) {
    Add(&query, "resourceVersion", *request.resource_version);
  }
  return query;
}

std::string WatchQuery(const WatchRequest& request, const std::string& selectors) {
  std::string query = selectors;
  Add(&query, "watch", "1");
  Add(&query, "allowWatchBookmarks", "true");
  Add(&query, "timeoutSeconds", std::to_string(request.timeout.count()));
  if (!request.resource_version.empty()) Add(&query, "resourceVersion", request.resource_version);
  if (request.send_initial_events) {
    Add(&query, "sendInitialEvents", "true");
    Add(&query, "resourceVersionMatch", "NotOlderThan");
  }
  return query;
}

std::string MetadataAccept(bool list) {
  const std::string kind = list ? "PartialObjectMetadataList" : "PartialObjectMetadata";
  return "application/json;as=" + kind + ";g=meta.k8s.io;v=v1,application/json";
}

ApiFailure FailureOfError(const base::Error& error) {
  ApiFailure failure;
  failure.message = error.message;
  if (error.sys_errno == ECONNREFUSED) failure.kind = ApiFailureKind::kConnectionRefused;
  return failure;
}

}  // namespace seccompd::kube
