// SPDX-License-Identifier: Apache-2.0
#include "common/install/prepare.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/bpf/decide.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/prove_extension.h"
#include "common/bpf/text_meaning.h"
#include "common/install/floor.h"
#include "common/install/tenant.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"
#include "common/seccomp/resolve_default.h"

namespace seccompd::install {
namespace {

// The instructions byte by byte, little endian whatever the node.
base::Digest BytesOf(const bpf::Program& program) {
  std::string bytes;
  bytes.reserve(program.size() * 8);
  const auto put = [&bytes](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  };
  for (const bpf::Instruction& instruction : program) {
    put(instruction.code, 2);
    put(instruction.jt, 1);
    put(instruction.jf, 1);
    put(instruction.k, 4);
  }
  return base::Sha256(bytes);
}

// What the filter decides (its instructions, where that cannot be told within bounds), then what
// else reaches the kernel or the listener: equal digests load alike.
base::Digest MeaningOf(const seccomp::Profile& profile, const bpf::Program& program) {
  bpf::Workspace workspace;
  const auto diagram = workspace.Decide(program);
  const base::Digest decisions = diagram ? workspace.Fingerprint(*diagram) : BytesOf(program);
  if (!profile.flags && profile.listener_path.empty() && profile.listener_metadata.empty()) {
    return decisions;
  }
  std::string bytes = decisions.Hex() + (profile.flags ? " flags" : " default flags");
  if (profile.flags) {
    for (const seccomp::FilterFlag flag : *profile.flags) {
      bytes += " " + std::string(seccomp::OciName(flag));
    }
  }
  bytes += "\n" + profile.listener_path + "\n" + profile.listener_metadata;
  return base::Sha256(bytes);
}

std::string Text(const seccomp::Diagnostic& d) {
  return std::string(d.code) + (d.pointer.empty() ? "" : " " + d.pointer) + ": " + d.message;
}

// Why it is not installed, that it weakens, or that its filter is not what its text says.
std::string NoteOf(const DesiredFile& file) {
  if (file.claim.error) return *file.claim.error;
  for (const seccomp::Diagnostic& d : file.prepared.diagnostics) {
    const bool told = d.severity == seccomp::Severity::kError || d.code == seccomp::codes::kWeakens;
    if (!told) continue;
    return Text(d);
  }
  for (const seccomp::Diagnostic& d : file.prepared.diagnostics) {
    if (d.code == seccomp::codes::kFilterDiffers) return Text(d);
  }
  return "";
}

void Refuse(Prepared& prepared, std::string_view code, std::string message,
            std::string pointer = "") {
  prepared.diagnostics.push_back({.code = code,
                                  .severity = seccomp::Severity::kError,
                                  .pointer = std::move(pointer),
                                  .message = std::move(message)});
}

void Append(std::vector<seccomp::Diagnostic> more, Prepared& prepared) {
  std::move(more.begin(), more.end(), std::back_inserter(prepared.diagnostics));
}

// A warning is not worth more than some milliseconds and 4 MiB of the agent; beyond, it is not
// given.
constexpr bpf::DecideLimits kWarningLimits{.nodes = 60'000, .operations = 200'000};

struct Extended {
  const seccomp::Profile& extension;
  const seccomp::Profile& rewritten;
  const bpf::Program& program;
};

// The filter of a base, compiled when it is first asked for.
class BaseFilter {
 public:
  BaseFilter(const seccomp::Profile& base, const Preparer& preparer)
      : base_(base), preparer_(preparer) {}

  const base::Result<bpf::Program>& Get() {
    if (!program_) program_ = preparer_.compile(base_);
    return *program_;
  }

  // Borrows this.
  seccomp::BaseDecision Decision() {
    return [this](std::string_view syscall, const std::array<std::uint64_t, 6>& args) {
      return Decide(syscall, args);
    };
  }

 private:
  std::optional<seccomp::Action> Decide(std::string_view syscall,
                                        const std::array<std::uint64_t, 6>& args) {
    const seccomp::Arch arch = preparer_.node.arch;
    const auto number = preparer_.table->Number(arch, syscall);
    if (!number || !Get()) return std::nullopt;
    bpf::SeccompData call{.nr = static_cast<std::uint32_t>(*number),
                          .arch = seccomp::AuditArch(arch)};
    std::copy(args.begin(), args.end(), std::begin(call.args));
    return seccomp::FromReturnValue(bpf::Evaluate(*Get(), call));
  }

  const seccomp::Profile& base_;
  const Preparer& preparer_;
  std::optional<base::Result<bpf::Program>> program_;
};

// What is not proven to do what its rules say is not installed.
void Prove(const Extended& made, BaseFilter& base, const Preparer& preparer, Prepared& prepared) {
  const base::Result<bpf::Program>& base_program = base.Get();
  if (!base_program) {
    Refuse(prepared, seccomp::codes::kBadBase, "the base: " + base_program.error().message);
    return;
  }
  const bpf::ExtensionCase what{.base = *base_program,
                                .result = made.program,
                                .extension = made.extension,
                                .rewritten = made.rewritten,
                                .native = preparer.node.arch,
                                .table = *preparer.table};
  bpf::Workspace workspace;
  if (auto proof = bpf::ProveExtension(workspace, what); !proof) {
    Refuse(prepared, seccomp::codes::kExtensionNotProven, std::move(proof).error().message);
    return;
  }
  workspace.Reset();
  Append(bpf::OpenWays(workspace, what), prepared);
}

}  // namespace

base::Result<seccomp::NodeFacts> NodeFor(std::string_view capabilities, seccomp::NodeFacts node) {
  if (capabilities.empty()) return node;
  seccomp::CapabilityList list = seccomp::ParseCapabilities(capabilities);
  if (!list.unknown.empty()) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      std::string(kCapabilitiesAnnotation) + ": no capability '" +
                          base::Printable(list.unknown) + "' is known");
  }
  node.capabilities = std::move(list.names);
  return node;
}

Prepared PrepareProfile(const ProfileRequest& request, const Preparer& preparer) {
  Prepared prepared;
  auto node = NodeFor(request.capabilities, preparer.node);
  if (!node) {
    Refuse(prepared, seccomp::codes::kBadAnnotation, std::move(node).error().message);
    return prepared;
  }
  seccomp::ParsedProfile parsed =
      request.base != nullptr
          ? seccomp::CheckExtension(request.text, *request.base, *preparer.table, *node)
          : seccomp::CheckProfile(request.text, *preparer.table, *node);
  prepared.diagnostics = std::move(parsed.diagnostics);
  if (!parsed.profile) return prepared;
  if (request.tenant) Append(TenantProblems(*parsed.profile), prepared);
  if (seccomp::HasErrors(prepared.diagnostics)) return prepared;
  const seccomp::Profile own = *parsed.profile;
  std::optional<BaseFilter> base;
  if (request.base != nullptr) {
    base.emplace(*request.base, preparer);
    seccomp::ParsedProfile extended = seccomp::Extend(*request.base, own, base->Decision());
    Append(std::move(extended.diagnostics), prepared);
    if (!extended.profile) return prepared;
    parsed.profile = std::move(extended.profile);
  }
  std::string bytes = seccomp::RenderOci(*parsed.profile);
  const base::Digest digest = base::Sha256(bytes);
  // An extension is proven anew: its base may have changed, and its open ways are to be told.
  // What a floor is compared with is the filter itself.
  if (request.base == nullptr && request.floor == nullptr && preparer.known_meaning) {
    if (const auto known = preparer.known_meaning(digest)) {
      prepared.bytes = std::move(bytes);
      prepared.digest = digest;
      prepared.meaning = *known;
      return prepared;
    }
  }
  auto program = preparer.compile(*parsed.profile);
  if (!program) {
    Refuse(prepared, seccomp::codes::kLibseccompRefuses, program.error().message);
    return prepared;
  }
  if (request.floor != nullptr) {
    Append(FloorProblems(*program, *request.floor, preparer), prepared);
    if (seccomp::HasErrors(prepared.diagnostics)) return prepared;
  }
  if (base) {
    Prove({.extension = own, .rewritten = *parsed.profile, .program = *program}, *base, preparer,
          prepared);
    if (seccomp::HasErrors(prepared.diagnostics)) return prepared;
    prepared.base = base::Sha256(seccomp::RenderOci(*request.base));
  }
  bpf::Workspace workspace(kWarningLimits);
  Append(bpf::TextDifferences(workspace, *parsed.profile, *preparer.table, *node, preparer.compile),
         prepared);
  prepared.bytes = std::move(bytes);
  prepared.digest = digest;
  prepared.meaning = MeaningOf(*parsed.profile, *program);
  return prepared;
}

const DesiredFile* Desired::Find(std::string_view path) const {
  const auto it = std::lower_bound(
      files.begin(), files.end(), path,
      [](const DesiredFile& file, std::string_view wanted) { return file.claim.path < wanted; });
  return it != files.end() && it->claim.path == path ? &*it : nullptr;
}

bool Desired::Holds(std::string_view owner) const {
  const std::size_t slash = owner.find('/');
  return held_owners.contains(std::string(owner)) ||
         (slash != std::string_view::npos && held_namespaces.contains(owner.substr(0, slash)));
}

namespace {

// Prepares claims in the order in which they extend each other.
class Preparation {
 public:
  Preparation(ClaimSet claims, Desired previous, const Preparer& preparer)
      : previous_(std::move(previous)), preparer_(preparer) {
    desired_.remarks = std::move(claims.remarks);
    desired_.held_owners = std::move(claims.held_owners);
    desired_.files.resize(claims.claims.size());
    for (std::size_t i = 0; i < desired_.files.size(); ++i) {
      desired_.files[i].claim = std::move(claims.claims[i]);
    }
    states_.resize(desired_.files.size());
  }

  Desired Run() && {
    for (std::size_t i = 0; i < desired_.files.size(); ++i) Ensure(i, 0);
    return std::move(desired_);
  }

 private:
  enum class State : std::uint8_t { kNew, kBusy, kDone };

  // Where a path stands in `files`, or would.
  static std::vector<DesiredFile>::iterator Place(Desired& desired, const std::string& path) {
    return std::lower_bound(desired.files.begin(), desired.files.end(), path,
                            [](const DesiredFile& file, const std::string& wanted) {
                              return file.claim.path < wanted;
                            });
  }

  void Ensure(std::size_t index, std::size_t depth) {
    if (states_[index] == State::kDone) return;
    states_[index] = State::kBusy;
    DesiredFile& file = desired_.files[index];
    if (!file.claim.error) Prepare(file, depth);
    file.note = NoteOf(file);
    states_[index] = State::kDone;
  }

  // Refused for what was in force then: to be compared again.
  static bool Weighed(const DesiredFile& file) {
    const auto& found = file.prepared.diagnostics;
    return std::any_of(found.begin(), found.end(), [](const seccomp::Diagnostic& d) {
      return d.code == seccomp::codes::kWeakeningRefused;
    });
  }

  void Prepare(DesiredFile& file, std::size_t depth) {
    const Claim& claim = file.claim;
    std::optional<seccomp::Profile> base;
    base::Digest base_digest{};
    if (!claim.base.empty()) {
      auto found = BaseOf(claim, depth);
      if (!found) {
        Refuse(file.prepared, seccomp::codes::kBadBase,
               std::string(kBaseAnnotation) + ": " + found.error().message);
        return;
      }
      base = *std::move(found);
      base_digest = base::Sha256(seccomp::RenderOci(*base));
    }
    const ProfileFloor* floor = nullptr;
    if (claim.tenant && preparer_.floor != "none") {
      if (!floor_) floor_ = ResolveFloor(depth);
      if (!*floor_) {
        Refuse(file.prepared, seccomp::codes::kBelowFloor,
               "policy.floor, " + base::Printable(preparer_.floor) +
                   ", cannot be had: " + floor_->error().message);
        return;
      }
      floor = &**floor_;
    }
    const base::Digest floor_digest =
        floor != nullptr ? base::Sha256(seccomp::RenderOci(floor->profile)) : base::Digest{};
    const auto old = Place(previous_, claim.path);
    const bool same = old != previous_.files.end() && old->claim.path == claim.path &&
                      !old->claim.error && old->claim.text == claim.text &&
                      old->claim.capabilities == claim.capabilities &&
                      old->claim.tenant == claim.tenant && old->claim.base == claim.base &&
                      old->prepared.base == base_digest && old->prepared.floor == floor_digest &&
                      (old->prepared.valid() || (claim.base.empty() && !Weighed(*old)));
    file.prepared = same ? std::move(old->prepared)
                         : PrepareProfile({.text = claim.text,
                                           .capabilities = claim.capabilities,
                                           .tenant = claim.tenant,
                                           .base = base ? &*base : nullptr,
                                           .floor = floor},
                                          preparer_);
    file.prepared.floor = floor_digest;
  }

  // A floor is for containers that ask for no capability, as the audit takes it.
  base::Result<ProfileFloor> ResolveFloor(std::size_t depth) {
    if (seccomp::IsRuntimeDefault(preparer_.floor)) {
      TRY_ASSIGN(
          seccomp::RuntimeDefault found,
          seccomp::ResolveRuntimeDefault(preparer_.floor, preparer_.node, preparer_.runtime));
      return ProfileFloor{.name = preparer_.floor + " (" + found.name + ")",
                          .profile = std::move(found.profile)};
    }
    Claim asked;
    asked.base = NormalizeReference(preparer_.floor);
    TRY_ASSIGN(seccomp::Profile profile, BaseOf(asked, depth));
    return ProfileFloor{.name = preparer_.floor, .profile = std::move(profile)};
  }

  base::Result<seccomp::Profile> BaseOf(const Claim& claim, std::size_t depth) {
    using base::ErrorCode;
    if (seccomp::IsRuntimeDefault(claim.base)) {
      TRY_ASSIGN(const seccomp::NodeFacts node, NodeFor(claim.capabilities, preparer_.node));
      TRY_ASSIGN(seccomp::RuntimeDefault found,
                 seccomp::ResolveRuntimeDefault(claim.base, node, preparer_.runtime));
      return std::move(found.profile);
    }
    const std::string shown = "'" + base::Printable(claim.base) + "'";
    const auto at = Place(desired_, claim.base);
    if (at == desired_.files.end() || at->claim.path != claim.base) {
      return base::Fail(ErrorCode::kNotFound, "no profile " + shown + " is installed");
    }
    if (at->claim.tenant) {
      return base::Fail(ErrorCode::kInvalidArgument, shown + " is of a tenant namespace");
    }
    const auto index = static_cast<std::size_t>(at - desired_.files.begin());
    if (states_[index] == State::kBusy) {
      return base::Fail(ErrorCode::kInvalidArgument, shown + " extends this profile itself");
    }
    if (depth >= kMaxBaseDepth) {
      return base::Fail(ErrorCode::kResourceExhausted,
                        "more than " + std::to_string(kMaxBaseDepth) + " bases of bases");
    }
    Ensure(index, depth + 1);
    if (!at->prepared.valid()) {
      return base::Fail(ErrorCode::kInvalidArgument, shown + " is refused: " + at->note);
    }
    auto parsed = seccomp::ParseProfile(at->prepared.bytes);
    if (!parsed.profile) return base::Fail(ErrorCode::kInternal, shown + " cannot be read back");
    return *std::move(parsed.profile);
  }

  Desired desired_;
  Desired previous_;
  const Preparer& preparer_;
  std::optional<base::Result<ProfileFloor>> floor_;  // once a tenant needs it
  std::vector<State> states_;
};

}  // namespace

Desired PrepareAll(ClaimSet claims, Desired previous, const Preparer& preparer) {
  return Preparation(std::move(claims), std::move(previous), preparer).Run();
}

}  // namespace seccompd::install
