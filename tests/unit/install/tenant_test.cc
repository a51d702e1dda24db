// SPDX-License-Identifier: Apache-2.0
#include "common/install/tenant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace seccompd::install {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

kube::ConfigMap Map(std::string space, std::string name, int day,
                    std::vector<std::pair<std::string, std::string>> data) {
  kube::ConfigMap map;
  map.meta.name = std::move(name);
  map.meta.namespace_name = std::move(space);
  map.meta.creation_time = base::WallTime(std::chrono::hours(24 * day));
  map.data = std::move(data);
  return map;
}

// Paths that are refused, with their reasons.
std::vector<std::string> Refused(const ClaimSet& set) {
  std::vector<std::string> refused;
  for (const Claim& claim : set.claims) {
    if (claim.error) refused.push_back(claim.path + ": " + *claim.error);
  }
  return refused;
}

ClaimSet Resolve(std::vector<kube::ConfigMap> maps, TenantLimits limits) {
  return ResolveClaims(maps, {}, {.tenant_namespaces = {"a", "b"}, .limits = limits});
}

TEST(LimitTenants, TheYoungestProfilesBeyondTheCountAreRefused) {
  const auto old = Map("a", "z", 1, {{"1.json", "x"}, {"2.json", "x"}});
  const auto young = Map("a", "c", 2, {{"3.json", "x"}});
  const auto other = Map("b", "c", 3, {{"4.json", "x"}});
  const ClaimSet set = Resolve({young, old, other}, {.profiles_per_namespace = 2});
  EXPECT_THAT(Refused(set),
              ElementsAre(HasSubstr("ns/a/c/3.json: beyond the limit of 2 profiles")));
}

TEST(LimitTenants, BytesOfANamespaceAndOfTheNode) {
  const std::string kilo(1'000, 'x');
  const auto a = Map("a", "m", 1, {{"1.json", kilo}, {"2.json", kilo}, {"3.json", "small"}});
  const auto b = Map("b", "m", 2, {{"1.json", kilo}, {"2.json", "small"}});
  const ClaimSet set = Resolve({a, b}, {.bytes_per_namespace = 1'500, .bytes_per_node = 1'600});
  EXPECT_THAT(Refused(set),
              ElementsAre(HasSubstr("ns/a/m/2.json: beyond the limit of 1500 bytes of a tenant"),
                          HasSubstr("ns/b/m/1.json: beyond the limit of 1600 bytes of all")));
  EXPECT_THAT(set.claims, SizeIs(5));
}

TEST(LimitTenants, TheDefaultsAreFiftyProfilesAndOneMebibyte) {
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 100; i < 151; ++i) many.emplace_back(std::to_string(i) + ".json", "x");
  EXPECT_THAT(Refused(Resolve({Map("a", "m", 1, many)}, {})),
              ElementsAre(HasSubstr("ns/a/m/150.json: beyond the limit of 50 profiles")));
  const std::string half((std::size_t{1} << 19) + 1, 'x');
  EXPECT_THAT(Refused(Resolve({Map("a", "m", 1, {{"1.json", half}, {"2.json", half}})}, {})),
              ElementsAre(HasSubstr("1048576 bytes")));
}

TEST(LimitTenants, TrustedNamespacesHaveNone) {
  std::vector<kube::ConfigMap> maps = {Map("trusted", "m", 1, {{"1.json", "x"}, {"2.json", "y"}})};
  EXPECT_THAT(Refused(Resolve(maps, {.profiles_per_namespace = 1})), IsEmpty());
}

TEST(TenantProblems, NoListenerAndNoNotify) {
  seccomp::Profile profile;
  EXPECT_THAT(TenantProblems(profile), IsEmpty());
  profile.listener_path = "/run/x.sock";
  profile.default_action = seccomp::ActionKind::kNotify;
  profile.syscalls = {{.names = {"mount"}, .action = seccomp::ActionKind::kErrno},
                      {.names = {"bpf"}, .action = seccomp::ActionKind::kNotify}};
  const auto problems = TenantProblems(profile);
  ASSERT_THAT(problems, SizeIs(3));
  EXPECT_EQ(problems[0].pointer, "/listenerPath");
  EXPECT_EQ(problems[1].pointer, "/defaultAction");
  EXPECT_EQ(problems[2].pointer, "/syscalls/1/action");
  for (const auto& problem : problems) EXPECT_EQ(problem.code, "E0405");
}

}  // namespace
}  // namespace seccompd::install
