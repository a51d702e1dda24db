// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <istream>
#include <span>
#include <utility>

#include "agent/cli/profile_input.h"
#include "agent/cli/validate_report.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/bpf/verify.h"
#include "common/install/prepare.h"
#include "common/seccomp/known_default.h"
#include "common/seccomp/parse.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::string_view kRuntimeDefault = "runtime-default";
constexpr std::string_view kRawProgram = "bpf:";

bool Exists(std::string_view path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

base::Error Invalid(std::string message) {
  return {.code = ErrorCode::kInvalidArgument, .message = std::move(message)};
}

// The newest that is known, of one runtime or, for "", of the more common one.
std::optional<seccomp::KnownDefault> NewestOf(std::string_view runtime) {
  if (runtime.empty() || runtime == "containerd") return seccomp::AllContainerdDefaults().back();
  if (runtime == "crio" || runtime == "cri-o") return seccomp::AllCrioDefaults().back();
  return std::nullopt;
}

Result<Target> RuntimeDefaultTarget(std::string_view version, const TargetSettings& settings) {
  std::string name(kRuntimeDefault);
  if (!version.empty()) name += fmt::format(":{}", base::Printable(version));
  if (version.empty()) version = settings.container_runtime;
  const auto newest = NewestOf(version);
  const auto which = newest ? newest : seccomp::KnownDefaultOf(version);
  if (!which) {
    return Fail(Invalid(fmt::format("runtime-default:{}: not a known version; known are {}",
                                    base::Printable(version), seccomp::KnownDefaultNames())));
  }
  TRY_ASSIGN(Target target, TargetOfProfile(name, ProfileOf(*which, settings.node), settings));
  target.notes.push_back(fmt::format("{}{}", newest ? "the newest known default, of " : "as in ",
                                     DisplayName(*which)));
  return target;
}

Result<std::string> ReadInput(const std::string& path, const TargetSettings& settings) {
  if (path == "-" && settings.in == nullptr) {
    return Fail(Invalid("standard input can be read once only"));
  }
  std::istream none(nullptr);
  auto text = ReadText(path, settings.in != nullptr ? *settings.in : none);
  if (!text) return Fail(base::WithContext(std::move(text).error(), base::Printable(path)));
  return text;
}

Result<Target> RawProgramTarget(std::string_view text, const TargetSettings& settings) {
  const std::string path(text.substr(kRawProgram.size()));
  TRY_ASSIGN(const std::string bytes, ReadInput(path, settings));
  const std::size_t count = bytes.size() / sizeof(bpf::Instruction);
  if (bytes.size() % sizeof(bpf::Instruction) != 0 || count == 0 || count > bpf::kMaxInstructions) {
    return Fail(Invalid(fmt::format(
        "{}: {} bytes are no BPF program: the kernel takes 1 to {} instructions of {}",
        base::Printable(path), bytes.size(), bpf::kMaxInstructions, sizeof(bpf::Instruction))));
  }
  bpf::Program program(count);
  std::memcpy(program.data(), bytes.data(), bytes.size());
  if (auto valid = bpf::Verify(program); !valid) {
    return Fail(base::WithContext(std::move(valid).error(),
                                  base::Printable(path) + ": the kernel would not load this"));
  }
  Target target{.name = base::Printable(text)};
  target.stack.push_back(std::move(program));
  return target;
}

std::string NameOf(const ProfileText& profile) {
  return fmt::format("{} ({})", base::Printable(profile.key), base::Printable(profile.path));
}

// The one profile that is meant.
Result<const ProfileText*> Choose(const ProfileInput& input, std::string_view key) {
  std::vector<const ProfileText*> chosen;
  std::string offered;
  for (const ProfileText& profile : input.profiles) {
    if (key.empty() || profile.key == key || profile.path == key) chosen.push_back(&profile);
    offered += "\n  " + NameOf(profile);
  }
  if (chosen.size() == 1) return chosen.front();
  const std::string name = base::Printable(input.name);
  if (input.profiles.empty()) {
    return Fail(Invalid(
        fmt::format("{}: {}", name,
                    input.problems.empty() ? "no profile in it" : input.problems.front().message)));
  }
  if (chosen.empty()) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("{}: no key {}; there are{}", name, base::Printable(key), offered));
  }
  return Fail(Invalid(fmt::format("{}: several profiles; say which as {}#KEY{}", name,
                                  base::Printable(input.name), offered)));
}

base::Error FirstError(const std::string& shown, std::span<const seccomp::Diagnostic> diagnostics) {
  for (const seccomp::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != seccomp::Severity::kError) continue;
    return Invalid(DiagnosticLine(shown, diagnostic, {}, false));
  }
  return Invalid(base::Printable(shown) + ": refused");
}

// A profile that extends another, as it would be installed: the rules are ours, so is the text.
Result<Target> ExtendedTarget(const std::string& shown, const ProfileInput& input,
                              const ProfileText& profile, const TargetSettings& settings) {
  const install::Preparer preparer{
      .compile = [arch = settings.node.arch](
                     const seccomp::Profile& whole) { return bpf::Compile(whole, arch); },
      .table = settings.table,
      .node = settings.node,
      .runtime = settings.container_runtime};
  install::Prepared prepared = PrepareAsInstalled(input, profile, preparer);
  PlaceInFile(input, profile, prepared.diagnostics);
  auto parsed = seccomp::ParseProfile(prepared.bytes);
  if (!prepared.valid() || !parsed.profile) return Fail(FirstError(shown, prepared.diagnostics));
  TRY_ASSIGN(Target target,
             TargetOfProfile(base::Printable(profile.path), *std::move(parsed.profile), settings));
  target.text = std::move(prepared.bytes);
  target.diagnostics = std::move(prepared.diagnostics);
  target.notes.push_back("as installed, over its base " + base::Printable(profile.base));
  return target;
}

Result<Target> FileTarget(const std::string& path, std::string_view key,
                          const TargetSettings& settings) {
  TRY_ASSIGN(std::string bytes, ReadInput(path, settings));
  const std::string shown = path == "-" ? "<stdin>" : path;
  const ProfileInput input = ReadProfiles(shown, {}, std::move(bytes));
  TRY_ASSIGN(const ProfileText* profile, Choose(input, key));
  if (!profile->base.empty()) return ExtendedTarget(shown, input, *profile, settings);
  auto node = install::NodeFor(profile->capabilities, settings.node);
  if (!node) return Fail(base::WithContext(std::move(node).error(), base::Printable(shown)));
  seccomp::ParsedProfile parsed =
      profile->document ? seccomp::CheckProfile(*profile->document, *settings.table, *node)
                        : seccomp::CheckProfile(profile->text, *settings.table, *node);
  PlaceInFile(input, *profile, parsed.diagnostics);
  if (!parsed.profile) return Fail(FirstError(shown, parsed.diagnostics));
  std::string name = base::Printable(shown);
  if (!profile->path.empty()) name = base::Printable(profile->path);
  TRY_ASSIGN(Target target, TargetOfProfile(std::move(name), *std::move(parsed.profile), settings));
  target.text = profile->text;
  target.diagnostics = std::move(parsed.diagnostics);
  return target;
}

std::optional<Result<Target>> FromFile(std::string_view text, const TargetSettings& settings) {
  if (text == "-" || Exists(text)) return FileTarget(std::string(text), {}, settings);
  // A file's name may hold '#' too, and so may a key.
  for (std::size_t hash = text.find('#'); hash != std::string_view::npos;
       hash = text.find('#', hash + 1)) {
    const std::string_view file = text.substr(0, hash);
    if (file != "-" && !Exists(file)) continue;
    return FileTarget(std::string(file), text.substr(hash + 1), settings);
  }
  return std::nullopt;
}

}  // namespace

Result<Target> TargetOfProfile(std::string name, seccomp::Profile profile,
                               const TargetSettings& settings) {
  auto program = bpf::CompileFor(settings.runtime, profile, settings.node.arch, *settings.table);
  if (!program) return Fail(base::WithContext(std::move(program).error(), name));
  Target target{.name = std::move(name)};
  target.profile = std::move(profile);
  target.stack.push_back(*std::move(program));
  return target;
}

Result<Target> ResolveTarget(std::string_view text, const TargetSettings& settings) {
  if (text.empty()) return Fail(Invalid("an empty TARGET"));
  if (text == kRuntimeDefault) return RuntimeDefaultTarget({}, settings);
  if (text.starts_with(kRuntimeDefault) && text[kRuntimeDefault.size()] == ':') {
    return RuntimeDefaultTarget(text.substr(kRuntimeDefault.size() + 1), settings);
  }
  if (text.starts_with(kRawProgram)) return RawProgramTarget(text, settings);
  if (auto target = FromFile(text, settings)) return *std::move(target);
  for (const TargetForm& form : settings.forms) {
    if (auto target = form(text)) return *std::move(target);
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("{}: no such file; a TARGET is {}", base::Printable(text), kTargetHelp));
}

}  // namespace seccompd::agent
