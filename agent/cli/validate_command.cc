// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate_command.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "agent/cli/validate_targets.h"
#include "agent/version.h"
#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

constexpr int kUsage = 2;

}  // namespace

void ValidateCommand::Add(CLI::App& top) {
  app = top.add_subcommand("validate", "every problem of profiles and ConfigMap manifests");
  app->add_option("FILE", options.inputs, "files, directories, or - for standard input")
      ->required();
  AddOutput(*app, output, {"text", "json", "sarif"});
  app->add_option("--fail-on", fail_on, "what makes the exit code 1")
      ->check(CLI::IsMember({"error", "warning"}))
      ->capture_default_str();
  app->add_option("--target", targets,
                  "another node it is meant for, ARCH/KERNEL/RUNTIME...: "
                  "x86_64/5.10/containerd-1.7/runc-1.1.12/libseccomp-2.5.4; repeatable")
      ->expected(1)
      ->take_all();
  app->add_option("--pods", options.pods,
                  "manifests of pods and what makes them: is every profile there? repeatable")
      ->expected(1)
      ->take_all();
  app->add_option("--policy.floor", options.floor,
                  "what profiles of tenants must at least refuse: none, runtime-default[:VERSION] "
                  "or a profile's file")
      ->capture_default_str();
  app->add_option("--profiles.tenant-namespace", tenants,
                  "ConfigMaps of this namespace are a tenant's; repeatable")
      ->expected(1)
      ->take_all();
  node.Add(*app);
}

int ValidateCommand::Execute() {
  if (!node.Resolve(&options.node)) return kUsage;
  if (output == "json") options.format = ValidateFormat::kJson;
  if (output == "sarif") options.format = ValidateFormat::kSarif;
  options.fail_on_warning = fail_on == "warning";
  options.colour = ::isatty(STDOUT_FILENO) == 1;
  options.agent_version = AgentVersion();
  options.runtime = node.runtime;
  options.tenant_namespaces = {tenants.begin(), tenants.end()};
  if (!targets.empty()) return ExecuteForTargets();
  return RunValidate(options, std::cin, std::cout, std::cerr);
}

int ValidateCommand::ExecuteForTargets() const {
  std::vector<ValidateTarget> parsed;
  for (const std::string& text : targets) {
    auto target = ParseValidateTarget(text, options.node);
    if (!target) {
      std::cerr << "seccompd: " << base::Printable(target.error().message) << '\n';
      return kUsage;
    }
    parsed.push_back(*std::move(target));
  }
  return RunValidateTargets(options, parsed, std::cin, std::cout, std::cerr);
}

}  // namespace seccompd::agent
