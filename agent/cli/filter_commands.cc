// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/filter_commands.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "common/base/strings.h"
#include "common/bpf/check.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::agent {
namespace {

constexpr int kExitUsage = 2;

// "all" or names; false after saying which is not known.
bool ResolveArchs(const std::vector<std::string>& names, seccomp::Arch native,
                  std::vector<seccomp::Arch>* archs) {
  for (const std::string& name : names) {
    if (name == "all") {
      *archs = bpf::EnterableArchs(native);
      return true;
    }
    const auto arch = seccomp::ArchFromName(name);
    if (!arch) {
      std::cerr << "seccompd: --arch '" << base::Printable(name) << "' is not known\n";
      return false;
    }
    archs->push_back(*arch);
  }
  return true;
}

}  // namespace

void FilterCommands::AddShared(CLI::App& app) {
  AddOutput(app, output_, {"text", "json"});
  node_.Add(app);
  AddLiveFlags(app, live_);
  app.add_option("--oci-runtime", oci_runtime_, "the OCI runtime that loads a profile")
      ->check(CLI::IsMember({"crun", "runc"}))
      ->capture_default_str();
}

void FilterCommands::Add(CLI::App& top) {
  const std::string help(kTargetHelp);
  explain_app_ = top.add_subcommand("explain", "what a filter does with each system call");
  explain_app_->add_option("TARGET", explain_.target, help)->required();
  explain_app_->add_option("SYSCALL", explain_.syscalls, "names; all if none is given");
  explain_app_->add_option("--arch", archs_, "show this architecture; repeatable, or all")
      ->expected(1)
      ->take_all();
  explain_app_->add_flag("--checks", explain_.checks, "are the critical calls blocked?");
  explain_app_
      ->add_option("--check", explain_.patterns,
                   "is this call blocked? 'socket(AF_ALG)'; repeatable")
      ->expected(1)
      ->take_all();
  AddShared(*explain_app_);

  diff_app_ = top.add_subcommand("diff", "every input on which two filters decide differently");
  diff_app_->add_option("A", diff_.a, "what should be: " + help)->required();
  diff_app_->add_option("B", diff_.b, "what is or will be")->required();
  diff_app_->add_option("--fail-on", fail_on_, "what makes the exit code 1")
      ->check(CLI::IsMember({"any", "weaker", "none"}))
      ->capture_default_str();
  AddShared(*diff_app_);

  disasm_app_ = top.add_subcommand("disasm", "the BPF of a filter, annotated");
  disasm_app_->add_option("TARGET", disasm_.target, help)->required();
  AddShared(*disasm_app_);
}

bool FilterCommands::Parsed() const {
  return explain_app_->parsed() || diff_app_->parsed() || disasm_app_->parsed();
}

int FilterCommands::Execute() {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  // One by one: at -O2 g++ 12 takes a member of the braced form for uninitialized.
  TargetSettings settings;
  settings.runtime = oci_runtime_ == "runc" ? bpf::Runtime::kRunc : bpf::Runtime::kCrun;
  settings.container_runtime = node_.runtime;
  settings.table = &table;
  settings.in = &std::cin;
  settings.forms = LiveTargetForms(live_);
  if (!node_.Resolve(&settings.node)) return kExitUsage;
  return ExecuteWith(settings, ::isatty(STDOUT_FILENO) == 1);
}

int FilterCommands::ExecuteWith(const TargetSettings& settings, bool colour) {
  const bool json = output_ == "json";
  if (disasm_app_->parsed()) {
    disasm_.json = json;
    return RunDisasm(disasm_, settings, std::cout, std::cerr);
  }
  if (diff_app_->parsed()) {
    diff_.json = json;
    diff_.colour = colour;
    diff_.fail_on = fail_on_ == "weaker" ? DiffFailOn::kWeaker
                    : fail_on_ == "none" ? DiffFailOn::kNone
                                         : DiffFailOn::kAny;
    return RunDiff(diff_, settings, std::cout, std::cerr);
  }
  explain_.json = json;
  explain_.colour = colour;
  if (!ResolveArchs(archs_, settings.node.arch, &explain_.archs)) return kExitUsage;
  return RunExplain(explain_, settings, std::cout, std::cerr);
}

}  // namespace seccompd::agent
