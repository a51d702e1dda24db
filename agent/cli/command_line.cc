// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "agent/audit/references.h"
#include "agent/cli/audit.h"
#include "agent/cli/filter_commands.h"
#include "agent/cli/flags.h"
#include "agent/cli/inspect.h"
#include "agent/cli/node_flags.h"
#include "agent/cli/purge.h"
#include "agent/cli/render.h"
#include "agent/cli/small_commands.h"
#include "agent/cli/status.h"
#include "agent/cli/validate_command.h"
#include "agent/daemon/agent_client.h"
#include "agent/daemon/daemon.h"
#include "agent/source/cluster_records.h"
#include "agent/version.h"
#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

constexpr int kUsage = 2;

int WrongUse(const base::Error& error) {
  std::cerr << "seccompd: " << base::Printable(error.message) << '\n';
  return kUsage;
}

// What `audit` and `inspect` look at a node with.
AuditOptions AuditOptionsOf(const RunConfig& config) {
  AuditOptions options;
  options.seccomp_root = config.seccomp_root;
  options.procfs = config.procfs;
  options.cgroupfs = config.cgroupfs;
  options.node_name = config.node_name;
  options.node_default = config.node_default;
  options.evidence = config.evidence;
  options.runtime = config.runtime;
  options.bundles = config.bundles;
  options.floor = config.floor;
  options.agent_version = AgentVersion();
  return options;
}

// A subcommand and what its flags set.
struct Run {
  CLI::App* app = nullptr;
  RunConfig config;
  std::string file;

  void Add(CLI::App& top) {
    app = top.add_subcommand("run", "the agent: installs, audits, exports metrics");
    AddNodeFlags(*app, config);
    AddRunFlags(*app, config);
    app->add_option("--config", file, "YAML file of the same flags")->envname("SECCOMPD_CONFIG");
  }

  int Execute() {
    if (!file.empty()) {
      const auto applied = ApplyConfigFile(*app, file);
      if (!applied) return WrongUse(applied.error());
      auto text = ReadConfigFile(file);
      if (!text) return WrongUse(text.error());
      config.config_text = *std::move(text);
    }
    return RunDaemon(config, Log(config.log_level, config.log_format));
  }
};

struct Audit {
  CLI::App* app = nullptr;
  RunConfig config;
  std::string output;
  std::string config_file;
  std::string checks;
  std::vector<std::string> blocks;
  std::string socket = kDefaultSocket;
  bool agent = false;
  bool all = false;

  void Add(CLI::App& top) {
    app = top.add_subcommand("audit", "one pass over this node: who is asked to run under what");
    AddNodeFlags(*app, config);
    AddOutput(*app, output, {"text", "json"});
    app->add_flag("--all", all, "also containers without a finding");
    auto* const asks = app->add_option(
        "--blocks", blocks, "exit 1 if some container does not block this call: 'socket(AF_ALG)'");
    auto* const maps =
        app->add_option("--checks", checks, "a directory with ConfigMaps of checks: dir:PATH");
    app->add_option("--config", config_file, "the agent's YAML file, for its exemptions")
        ->envname("SECCOMPD_CONFIG");
    // The pass is over, so nothing more can be asked of it.
    app->add_flag("--agent", agent, "the running agent's last pass, with the pods it knows")
        ->excludes(asks)
        ->excludes(maps);
    AddSocket(*app, socket);
  }

  [[nodiscard]] int Execute() const {
    const bool colour = ::isatty(STDOUT_FILENO) == 1;
    if (agent) {
      return RunAgentAudit(
          {.socket = socket, .json = output == "json", .all = all, .colour = colour}, std::cout,
          std::cerr);
    }
    AuditOptions options = AuditOptionsOf(config);
    options.blocks = blocks;
    if (!config_file.empty()) {
      auto text = ReadConfigFile(config_file);
      if (!text) return WrongUse(text.error());
      options.config_text = *std::move(text);
    }
    if (!checks.empty()) {
      auto maps = ReadConfigMaps("--checks", checks);
      if (!maps) return WrongUse(maps.error());
      options.check_maps = *std::move(maps);
    }
    options.json = output == "json";
    options.all = all;
    options.colour = colour;
    auto records = ReadRecordsOf(config, "seccompd/" + AgentVersion());
    if (!records) return WrongUse(records.error());
    return RunAudit(options, *std::move(records), std::cout, std::cerr);
  }
};

struct Status {
  CLI::App* app = nullptr;
  std::string socket = kDefaultSocket;
  std::string output;

  void Add(CLI::App& top) {
    app = top.add_subcommand("status", "the running agent's view: profiles, drift, watches");
    AddSocket(*app, socket);
    AddOutput(*app, output, {"text", "json"});
  }

  [[nodiscard]] int Execute() const {
    return RunStatus(
        {.socket = socket, .json = output == "json", .colour = ::isatty(STDOUT_FILENO) == 1},
        std::cout, std::cerr);
  }
};

struct InspectCommand {
  CLI::App* app = nullptr;
  RunConfig config;
  InspectOptions options;
  std::string output;

  void Add(CLI::App& top) {
    app = top.add_subcommand("inspect", "everything known about one container");
    app->add_option("TARGET", options.target, "[NS/]POD, pid:N or cri:ID")->required();
    AddNodeFlags(*app, config);
    AddSocket(*app, options.live.socket);
    app->add_option("-c,--container", options.live.container, "which container of a pod");
    AddOutput(*app, output, {"text", "json"});
  }

  int Execute() {
    options.live.procfs = config.procfs;
    options.live.cgroupfs = config.cgroupfs;
    options.audit = AuditOptionsOf(config);
    options.pods = [this] { return ReadRecordsOf(config, "seccompd/" + AgentVersion()); };
    options.json = output == "json";
    options.colour = ::isatty(STDOUT_FILENO) == 1;
    return RunInspect(options, std::cout, std::cerr);
  }
};

struct Purge {
  CLI::App* app = nullptr;
  RunConfig config;
  std::string output;
  std::string fail_on = "kept";
  bool force = false;

  void Add(CLI::App& top) {
    app = top.add_subcommand("purge", "remove what seccompd installed and nothing refers to");
    AddNodeFlags(*app, config);
    AddOutput(*app, output, {"text", "json"});
    app->add_flag("--force", force, "also what pods refer to");
    app->add_option("--fail-on", fail_on, "exit 1 when something was kept, or never for that")
        ->check(CLI::IsMember({"kept", "none"}))
        ->capture_default_str();
  }

  int Execute() const {
    PurgeOptions options;
    options.seccomp_root = config.seccomp_root;
    options.force = force;
    options.kept_is_fine = fail_on == "none";
    options.json = output == "json";
    options.now = base::WallNow();
    const auto records = ReadRecordsOf(config, "seccompd/" + AgentVersion());
    if (!records) return WrongUse(records.error());
    options.references = ReferencesOf(records->pods, records->known && records->complete);
    return RunPurge(options, std::cout, std::cerr);
  }
};

struct Render {
  CLI::App* app = nullptr;
  RenderOptions options;
  NodeFlags node;

  void Add(CLI::App& top) {
    app = top.add_subcommand("render", "exactly what would be installed");
    app->add_option("FILE", options.input, "a profile or a manifest, or - for standard input")
        ->required();
    app->add_option("--key", options.key, "which profile of a manifest: its key or its path");
    node.Add(*app);
  }

  int Execute() {
    if (!node.Resolve(&options.node)) return kUsage;
    options.runtime = node.runtime;
    options.colour = ::isatty(STDERR_FILENO) == 1;
    return RunRender(options, std::cin, std::cout, std::cerr);
  }
};

struct VersionCommand {
  CLI::App* app = nullptr;
  std::string output;

  void Add(CLI::App& top) {
    app = top.add_subcommand("version", "build, libraries, what this kernel allows");
    AddOutput(*app, output, {"text", "json"});
  }
  int Execute() const {
    KernelSupport kernel = ReadKernelSupport();
    TryFilterEvidence(&kernel);
    return Version(output == "json", kernel, std::cout);
  }
};

// The arguments, last first, as CLI::App::parse() takes them. It takes `--name=` for a name without
// a value, and the next flag for that value: an empty value goes in as one of its own.
std::vector<std::string> ArgumentsOf(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument.size() > 3 && argument.starts_with("--") &&
        argument.find('=') == argument.size() - 1) {
      arguments.emplace_back();
      argument.pop_back();
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  CLI::App top("seccompd installs seccomp profiles and proves what the kernel enforces",
               "seccompd");
  top.require_subcommand(1);
  Run run;
  Audit audit;
  ValidateCommand validate;
  Render render;
  FilterCommands filters;
  Purge purge;
  Status status;
  InspectCommand inspect;
  SmallCommands small;
  VersionCommand version;
  run.Add(top);
  audit.Add(top);
  validate.Add(top);
  render.Add(top);
  filters.Add(top);
  purge.Add(top);
  status.Add(top);
  inspect.Add(top);
  small.Add(top);
  version.Add(top);
  try {
    top.parse(ArgumentsOf(argc, argv));
  } catch (const CLI::ParseError& error) {
    return top.exit(error) == 0 ? 0 : kUsage;
  }
  if (run.app->parsed()) return run.Execute();
  if (audit.app->parsed()) return audit.Execute();
  if (validate.app->parsed()) return validate.Execute();
  if (render.app->parsed()) return render.Execute();
  if (filters.Parsed()) return filters.Execute();
  if (purge.app->parsed()) return purge.Execute();
  if (status.app->parsed()) return status.Execute();
  if (inspect.app->parsed()) return inspect.Execute();
  if (small.Parsed()) return small.Execute();
  return version.Execute();
}

}  // namespace seccompd::agent
