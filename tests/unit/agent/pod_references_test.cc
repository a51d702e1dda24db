// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/pod_references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace seccompd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const OfferedProfiles kOffered = {{"web/api.json", {.valid = true}},
                                  {"web/bad.json", {.valid = false}},
                                  {"web/tight.json", {.valid = true, .needs_no_new_privs = true}},
                                  {"ns/shop/a/b.json", {.valid = true}}};

PodFindings Check(const std::string& yaml) {
  PodFindings all;
  const auto documents = document::ParseYaml(yaml);
  EXPECT_TRUE(documents) << yaml;
  if (!documents) return all;
  for (const document::Node& document : *documents) {
    PodFindings found = CheckPodReferences(document, kOffered);
    all.references.insert(all.references.end(), found.references.begin(), found.references.end());
    all.diagnostics.insert(all.diagnostics.end(), found.diagnostics.begin(),
                           found.diagnostics.end());
  }
  return all;
}
std::vector<std::string> Told(const PodFindings& found) {
  std::vector<std::string> out;
  for (const auto& d : found.diagnostics) {
    out.push_back(std::string(d.code) + " " + d.pointer + ": " + d.message);
  }
  return out;
}
std::vector<std::string> Rows(const PodFindings& found) {
  std::vector<std::string> out;
  for (const PodReference& row : found.references) {
    out.push_back(row.workload + "|" + row.container + "|" + row.asked + "|" + row.state);
  }
  return out;
}

std::string Pod(const std::string& spec, const std::string& metadata = "name: p, namespace: shop") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {" + metadata + "}\nspec:\n" + spec;
}
std::string Asking(const std::string& profile) {
  return Pod("  securityContext: {seccompProfile: {" + profile +
             "}}\n  containers: [{name: app}]\n");
}

TEST(CheckPodReferences, EveryKindThatMakesPodsIsLookedInto) {
  const std::string spec =
      "{securityContext: {seccompProfile: {type: Localhost, localhostProfile: web/api.json}}, "
      "initContainers: [{name: i}], containers: [{name: a, securityContext: {seccompProfile: "
      "{type: "
      "RuntimeDefault}}}, {name: b, securityContext: {seccompProfile: {type: Unconfined}}}]}";
  const PodFindings found = Check(
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: " +
      spec +
      "}}}\n---\n{apiVersion: batch/v1, kind: CronJob, metadata: {name: c, namespace: n}, spec: "
      "{jobTemplate: {spec: {template: {spec: " +
      spec +
      "}}}}}\n---\n{apiVersion: v1, kind: List, items: [{kind: PodTemplate, metadata: {name: "
      "t}, template: {spec: " +
      spec +
      "}}, {kind: Service, metadata: {name: s}, spec: {ports: []}}]}\n---\n{apiVersion: x/v1, "
      "kind: Rollout, metadata: {name: r}, spec: {template: {spec: {containers: [{name: z}]}}}}");
  EXPECT_THAT(Told(found), IsEmpty());
  EXPECT_THAT(
      Rows(found),
      ElementsAre("Deployment d|init/i|web/api.json|provided", "Deployment d|a|RuntimeDefault|",
                  "Deployment d|b|Unconfined|", "CronJob n/c|init/i|web/api.json|provided",
                  "CronJob n/c|a|RuntimeDefault|", "CronJob n/c|b|Unconfined|",
                  "PodTemplate t|init/i|web/api.json|provided", "PodTemplate t|a|RuntimeDefault|",
                  "PodTemplate t|b|Unconfined|", "Rollout r|z|unset|"));
}

TEST(CheckPodReferences, WhatNothingInstallsIsAnErrorWithTheNearestPath) {
  EXPECT_THAT(Told(Check(Asking("type: Localhost, localhostProfile: web/api"))),
              ElementsAre("E0501 /spec/securityContext/seccompProfile/localhostProfile: Pod shop/p "
                          "app: no profile installs web/api; did you mean web/api.json?"));
  EXPECT_THAT(Told(Check(Asking("type: Localhost, localhostProfile: web/apu.json"))),
              ElementsAre(HasSubstr("did you mean web/api.json?")));
  EXPECT_THAT(Told(Check(Asking("type: Localhost, localhostProfile: elsewhere/x.json"))),
              ElementsAre(::testing::EndsWith("no profile installs elsewhere/x.json")));
  EXPECT_THAT(Told(Check(Asking("type: Localhost, localhostProfile: web/bad.json"))),
              ElementsAre(HasSubstr("E0502")));
  EXPECT_THAT(Told(Check(Asking("type: Localhost, localhostProfile: ./web//api.json"))), IsEmpty());
}

TEST(CheckPodReferences, WhatTheApiRefusesIsSaidOnceWhereItStands) {
  const std::pair<const char*, const char*> faults[] = {
      {"type: Localhost", "needs a localhostProfile"},
      {"type: Localhost, localhostProfile: /var/lib/kubelet/seccomp/web/api.json", "relative"},
      {"type: Localhost, localhostProfile: a/../web/api.json", "may not contain '..'"},
      {"type: RuntimeDefault, localhostProfile: web/api.json", "with type Localhost only"},
      {"type: localhost", "'localhost' is no type"},
      {"localhostProfile: web/api.json", "'' is no type"}};
  for (const auto& [profile, why] : faults) {
    const PodFindings found = Check(Asking(profile));
    EXPECT_THAT(Told(found), ElementsAre(HasSubstr(why))) << profile;
    EXPECT_EQ(found.diagnostics.front().code, "E0503");
    EXPECT_EQ(found.diagnostics.front().line, 5U);
    EXPECT_THAT(Rows(found), ElementsAre("Pod shop/p|app|invalid|invalid"));
  }
}

TEST(CheckPodReferences, PrivilegedDropsTheFilterAndTheContainerWins) {
  const PodFindings found = Check(
      Pod("  securityContext: {seccompProfile: {type: Localhost, localhostProfile: gone.json}}\n"
          "  containers:\n  - name: app\n    securityContext: {privileged: true, seccompProfile: "
          "{type: RuntimeDefault}}\n"));
  EXPECT_THAT(Told(found), ElementsAre(HasSubstr("W0501 /spec/containers/0/securityContext")));
  EXPECT_THAT(Rows(found), ElementsAre("Pod shop/p|app|RuntimeDefault|"));
}

TEST(CheckPodReferences, AProfileThatNeedsNoNewPrivsIsHeldAgainstThePod) {
  const auto container = [](const char* more) {
    return Pod(std::string("  containers: [{name: app, securityContext: {seccompProfile: {type: "
                           "Localhost, localhostProfile: web/tight.json}") +
               more + "}}]\n");
  };
  EXPECT_THAT(Told(Check(container(""))), ElementsAre(HasSubstr("W0503")));
  EXPECT_THAT(Told(Check(container(", allowPrivilegeEscalation: false"))), IsEmpty());
}

TEST(CheckPodReferences, OldAnnotationsAreSaidToDoNothing) {
  const PodFindings found = Check(
      Pod("  containers: [{name: app}]\n",
          "name: p, annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default, "
          "container.seccomp.security.alpha.kubernetes.io/app: localhost/web/api.json, other: x}"));
  EXPECT_THAT(Told(found),
              ElementsAre(HasSubstr("write securityContext.seccompProfile: {type: RuntimeDefault}"),
                          HasSubstr("{type: Localhost, localhostProfile: web/api.json}")));
}

TEST(CheckPodReferences, AnotherTenantsProfileIsAWarning) {
  const char* profile = "type: Localhost, localhostProfile: ns/shop/a/b.json";
  EXPECT_THAT(Told(Check(Asking(profile))), IsEmpty());  // its own
  const std::string other = "  securityContext: {seccompProfile: {" + std::string(profile) +
                            "}}\n  containers: [{name: app}]\n";
  EXPECT_THAT(Told(Check(Pod(other, "name: p, namespace: else"))),
              ElementsAre(HasSubstr("belongs to namespace shop")));
}

TEST(CheckPodReferences, OddDocumentsAreNoPods) {
  for (const char* text : {"1", "[]", "kind: Pod", "{kind: Pod, spec: 1}",
                           "{kind: Pod, spec: {containers: 1}}", "{kind: X, spec: {template: []}}",
                           "{items: 1}", "{kind: Pod, spec: {containers: [1, null]}}"}) {
    EXPECT_THAT(Told(Check(text)), IsEmpty()) << text;
  }
  EXPECT_THAT(Told(Check("{kind: Pod, spec: {os: {name: windows}, containers: [{name: a, "
                         "securityContext: {seccompProfile: {type: Nope}}}]}}")),
              IsEmpty());
}

}  // namespace
}  // namespace seccompd::agent
