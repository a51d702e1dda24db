// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/known_default.h"

namespace seccompd::seccomp {
namespace {

std::vector<KnownDefault> Of(bool containerd, bool crio) {
  std::vector<KnownDefault> known;
  if (containerd) {
    for (const ContainerdDefault version : AllContainerdDefaults()) known.emplace_back(version);
  }
  if (crio) {
    for (const CrioDefault version : AllCrioDefaults()) known.emplace_back(version);
  }
  return known;
}

}  // namespace

std::vector<KnownDefault> KnownDefaults() { return Of(true, true); }

std::optional<KnownDefault> KnownDefaultOf(std::string_view version) {
  if (NamesCrio(version)) {
    if (const auto crio = CrioDefaultOf(version)) return *crio;
    return std::nullopt;
  }
  if (const auto containerd = ContainerdDefaultOf(version)) return *containerd;
  return std::nullopt;
}

std::vector<KnownDefault> DefaultsOfRuntime(std::string_view runtime) {
  if (const auto known = KnownDefaultOf(runtime)) return {*known};
  if (NamesCrio(runtime)) return Of(false, true);
  return Of(true, runtime.empty());
}

std::string_view DisplayName(const KnownDefault& known) {
  return std::visit([](auto version) { return DisplayName(version); }, known);
}

std::string KnownDefaultNames() {
  std::string names;
  for (const KnownDefault& known : KnownDefaults()) {
    names += (names.empty() ? "" : ", ") + std::string(DisplayName(known));
  }
  return names;
}

std::span<const std::string_view> CapabilitiesBy(const KnownDefault& known) {
  return std::holds_alternative<CrioDefault>(known) ? CrioCapabilities() : DefaultCapabilities();
}

Profile ProfileOf(const KnownDefault& known, const NodeFacts& node,
                  std::span<const std::string_view> capabilities) {
  if (const auto* crio = std::get_if<CrioDefault>(&known)) {
    return CrioDefaultProfile(*crio, node.arch, capabilities);
  }
  return ContainerdDefaultProfile(std::get<ContainerdDefault>(known), node, capabilities);
}

Profile ProfileOf(const KnownDefault& known, const NodeFacts& node) {
  if (!node.capabilities) return ProfileOf(known, node, CapabilitiesBy(known));
  const std::vector<std::string_view> held = node.Capabilities();
  return ProfileOf(known, node, held);
}

}  // namespace seccompd::seccomp
