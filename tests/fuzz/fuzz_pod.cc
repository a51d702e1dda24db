// SPDX-License-Identifier: Apache-2.0
// A Pod as JSON, through the whole audit: containers as the status names them are all accounted
// for, and no text of the pod reaches the terminal as a control.
#include <cstdlib>

#include "common/audit/report.h"
#include "common/document/document.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const auto node = document::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!node) return 0;
  const auto pod = kube::ParsePod(*node);
  if (!pod) return pod.error().message.empty() ? std::abort(), 0 : 0;
  std::vector<audit::Observation> observations;
  for (const kube::Container& container : pod->containers) {
    audit::Observation observation;
    observation.ref = {pod->CgroupUid(), container.container_id, "containerd"};
    observation.processes.push_back({{.pid = 7, .comm = "app", .seccomp = {.mode = 2}}, {}, false});
    observations.push_back(std::move(observation));
  }
  audit::InstalledView installed{.available = true, .profiles = {{"web/api.json", {}}}};
  const auto report = audit::MakeReport({}, std::span(&*pod, 1), observations, installed, {});
  const audit::Counts& counts = report.counts;
  if (counts.found != counts.judged + counts.unknown + counts.not_applicable) std::abort();
  if (counts.found < observations.size()) std::abort();
  const std::string text = audit::RenderText(report, {.all = true});
  if (text.find_first_of("\x1b\r\x07") != std::string::npos) std::abort();
  if (!document::ParseJson(audit::RenderJson(report))) std::abort();
  return 0;
}
