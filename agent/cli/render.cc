// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/render.h"

#include <fmt/format.h>

#include <functional>
#include <istream>
#include <ostream>
#include <vector>

#include "agent/cli/profile_input.h"
#include "agent/cli/validate_report.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/install/prepare.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/render.h"

namespace seccompd::agent {
namespace {

constexpr int kExitRendered = 0;
constexpr int kExitRefused = 1;
constexpr int kExitUsage = 2;

std::string NameOf(const ProfileText& profile) {
  return profile.config_map.empty()
             ? "the profile"
             : fmt::format("{} ({})", base::Printable(profile.key), base::Printable(profile.path));
}

// The one profile that was asked for, or nullptr after telling what can be asked for.
const ProfileText* Select(const ProfileInput& input, const std::string& key, std::ostream& err) {
  std::vector<const ProfileText*> chosen;
  for (const ProfileText& profile : input.profiles) {
    if (key.empty() || profile.key == key || profile.path == key) chosen.push_back(&profile);
  }
  if (chosen.size() == 1) return chosen.front();
  if (input.profiles.empty()) {
    err << "seccompd render: no profile in " << base::Printable(input.name) << "\n";
    return nullptr;
  }
  if (chosen.empty()) {
    err << "seccompd render: no key " << base::Printable(key) << " in "
        << base::Printable(input.name) << "; there are";
  } else {
    err << "seccompd render: several profiles in " << base::Printable(input.name)
        << "; choose one with --key";
  }
  for (const ProfileText& profile : input.profiles) err << "\n  " << NameOf(profile);
  err << "\n";
  return nullptr;
}

std::function<base::Result<bpf::Program>(const seccomp::Profile&)> CompilerFor(seccomp::Arch arch) {
  return [arch](const seccomp::Profile& profile) { return bpf::Compile(profile, arch); };
}

}  // namespace

int RunRender(const RenderOptions& options, std::istream& in, std::ostream& out,
              std::ostream& err) {
  if (options.input.empty()) {
    err << "seccompd render: name a file or - for standard input\n";
    return kExitUsage;
  }
  const std::string shown = options.input == "-" ? "<stdin>" : options.input;
  auto text = ReadText(options.input, in);
  if (!text) {
    err << base::Printable(shown) << ": cannot be read: " << text.error().message << "\n";
    return kExitRefused;
  }
  const ProfileInput input = ReadProfiles(shown, {}, *std::move(text));
  for (const seccomp::Diagnostic& problem : input.problems) {
    err << DiagnosticLine(shown, problem, {}, options.colour) << "\n";
  }
  const ProfileText* profile = Select(input, options.key, err);
  if (profile == nullptr) return input.problems.empty() ? kExitUsage : kExitRefused;
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  if (!profile->base.empty()) {
    install::Preparer preparer{.compile = CompilerFor(options.node.arch),
                               .table = &table,
                               .node = options.node,
                               .runtime = options.runtime};
    install::Prepared prepared = PrepareAsInstalled(input, *profile, preparer);
    PlaceInFile(input, *profile, prepared.diagnostics);
    for (const seccomp::Diagnostic& diagnostic : prepared.diagnostics) {
      err << DiagnosticLine(shown, diagnostic, {}, options.colour) << "\n";
    }
    if (!prepared.valid()) return kExitRefused;
    err << "# " << base::Printable(profile->path) << "\n";
    out << prepared.bytes << std::flush;
    return kExitRendered;
  }
  const auto node = install::NodeFor(profile->capabilities, options.node);
  if (!node) {
    err << base::Printable(shown) << ": error " << seccomp::codes::kBadAnnotation << ": "
        << node.error().message << "\n";
    return kExitRefused;
  }
  seccomp::ParsedProfile parsed = seccomp::CheckProfile(profile->text, table, *node);
  PlaceInFile(input, *profile, parsed.diagnostics);
  for (const seccomp::Diagnostic& diagnostic : parsed.diagnostics) {
    err << DiagnosticLine(shown, diagnostic, {}, options.colour) << "\n";
  }
  if (!parsed.profile) return kExitRefused;
  if (const auto program = bpf::Compile(*parsed.profile, node->arch); !program) {
    err << base::Printable(shown) << ": error " << seccomp::codes::kLibseccompRefuses << ": "
        << program.error().message << "\n";
    return kExitRefused;
  }
  if (!profile->path.empty()) err << "# " << base::Printable(profile->path) << "\n";
  out << seccomp::RenderOci(*parsed.profile) << std::flush;
  return kExitRendered;
}

}  // namespace seccompd::agent
