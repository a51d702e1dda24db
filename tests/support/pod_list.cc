// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pod_list.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

namespace seccompd::test_support {
namespace {

boost::json::object SecurityContext(const std::optional<std::string>& seccomp) {
  boost::json::object context;
  if (!seccomp) return context;
  const std::string_view text = *seccomp;
  const std::size_t colon = text.find(':');
  boost::json::object profile;
  profile["type"] = text.substr(0, colon);
  if (colon != std::string_view::npos) profile["localhostProfile"] = text.substr(colon + 1);
  context["seccompProfile"] = std::move(profile);
  return context;
}

boost::json::object PodObject(const PodRow& row) {
  boost::json::object context = SecurityContext(row.seccomp);
  if (row.privileged) context["privileged"] = true;
  boost::json::object container;
  container["name"] = row.container;
  container["image"] = "busybox";
  container["securityContext"] = std::move(context);

  boost::json::object status;
  status["name"] = row.container;
  status["containerID"] = row.runtime + "://" + row.container_id;
  status["ready"] = true;

  boost::json::object spec;
  spec["securityContext"] = SecurityContext(row.pod_seccomp);
  spec["containers"] = boost::json::array{std::move(container)};
  boost::json::object pod;
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  pod["metadata"] = {{"name", row.name}, {"namespace", row.name_space}, {"uid", row.uid}};
  pod["spec"] = std::move(spec);
  boost::json::array statuses;
  if (!row.container_id.empty()) statuses.push_back(std::move(status));
  pod["status"] = {{"phase", "Running"}, {"containerStatuses", std::move(statuses)}};
  return pod;
}

}  // namespace

std::string RenderPodList(const std::vector<PodRow>& rows) {
  boost::json::array items;
  for (const PodRow& row : rows) items.push_back(PodObject(row));
  boost::json::object list;
  list["apiVersion"] = "v1";
  list["kind"] = "List";
  list["items"] = std::move(items);
  return boost::json::serialize(list) + "\n";
}

}  // namespace seccompd::test_support
