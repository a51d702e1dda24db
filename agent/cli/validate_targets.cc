// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <utility>

#include "agent/version.h"
#include "common/base/strings.h"
#include "common/base/text_table.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using base::Colour;
using base::Coloured;
using document::JsonList;
using document::JsonText;

constexpr int kExitUsage = 2;

base::Error Wrong(std::string_view text, std::string_view why) {
  return {.code = base::ErrorCode::kInvalidArgument,
          .message = fmt::format("--target '{}': {}", base::Printable(text), why)};
}

}  // namespace

base::Result<ValidateTarget> ParseValidateTarget(std::string_view text,
                                                 const seccomp::NodeFacts& base) {
  const auto parts = base::Split(text, '/');
  ValidateTarget target{.name = std::string(text), .node = base};
  const auto arch = seccomp::ArchFromName(parts.front());
  if (!arch) {
    return base::Fail(Wrong(text, "the architecture is not known; give ARCH/KERNEL/RUNTIME..."));
  }
  target.node.arch = *arch;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const bool number = !parts[i].empty() && parts[i][0] >= '0' && parts[i][0] <= '9';
    if (i == 1 && number) {
      const auto kernel = ParseKernelVersion(parts[i]);
      if (!kernel) return base::Fail(Wrong(text, "give the kernel as MAJOR.MINOR"));
      target.node.kernel_major = kernel->first;
      target.node.kernel_minor = kernel->second;
    } else if (auto added = seccomp::AddLoader(parts[i], &target.loader); !added) {
      return base::Fail(Wrong(text, added.error().message));
    }
  }
  return target;
}

int RunValidateTargets(const ValidateOptions& options, const std::vector<ValidateTarget>& targets,
                       std::istream& in, std::ostream& out, std::ostream& err) {
  if (options.format == ValidateFormat::kSarif && targets.size() > 1) {
    err << "seccompd validate: SARIF has no place for several targets; give one\n";
    return kExitUsage;
  }
  std::string input;
  if (std::find(options.inputs.begin(), options.inputs.end(), "-") != options.inputs.end()) {
    input.assign(std::istreambuf_iterator<char>(in), {});
  }
  int worst = 0;
  std::vector<std::pair<std::string, std::string>> reports;
  for (const ValidateTarget& target : targets) {
    ValidateOptions one = options;
    one.node = target.node;
    one.loader = target.loader;
    if (!target.loader.container_runtime.empty()) one.runtime = target.loader.container_runtime;
    std::istringstream again(input);
    std::ostringstream report;
    worst = std::max(worst, RunValidate(one, again, report, err));
    reports.emplace_back(target.name, report.str());
  }
  if (options.format == ValidateFormat::kJson) {
    const auto object = [](const std::pair<std::string, std::string>& one) {
      return fmt::format(R"({{"target":{},"report":{}}})", JsonText(one.first),
                         one.second.empty() ? "null" : base::TrimSpace(one.second));
    };
    out << fmt::format(R"({{"version":1,"targets":{}}})", JsonList(reports, object)) << "\n";
  } else if (options.format == ValidateFormat::kSarif) {
    for (const auto& report : reports) out << report.second;
  } else {
    for (const auto& [name, report] : reports) {
      out << Coloured("target " + base::Printable(name), Colour::kBold, options.colour) << "\n"
          << report;
    }
  }
  out << std::flush;
  return worst;
}

}  // namespace seccompd::agent
