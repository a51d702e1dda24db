// SPDX-License-Identifier: Apache-2.0
#include "common/audit/loaded_meaning.h"

#include <algorithm>

#include "common/audit/difference_words.h"

namespace seccompd::audit {
namespace {

// Enough to find a telling one among them; all are counted anyhow.
constexpr std::size_t kListedDifferences = 256;
constexpr std::size_t kTerms = 4;

base::Result<bpf::Diagram> DecideLoaded(bpf::Workspace& workspace, const bpf::Stack& stack,
                                        std::size_t index) {
  if (index == Meanings::kWholeStack) return workspace.Decide(stack);
  return workspace.Decide(stack.at(index));
}

Verdict VerdictOf(const bpf::Comparison& comparison) {
  if (comparison.relation != bpf::Relation::kDifferent) return Verdict::kMatch;
  if (comparison.weaker != 0) return Verdict::kWeaker;
  return comparison.other == 0 ? Verdict::kStricter : Verdict::kDiffers;
}

}  // namespace

std::vector<bpf::LastSyscall> LastSyscallsOf(const seccomp::Profile& profile, seccomp::Arch native,
                                             const seccomp::SyscallTable& table) {
  std::vector<seccomp::Arch> archs = profile.architectures;
  archs.push_back(native);
  std::vector<bpf::LastSyscall> last;
  for (const seccomp::Arch arch : archs) {
    std::uint32_t highest = 0;
    for (const seccomp::SyscallRule& rule : profile.syscalls) {
      for (const std::string& name : rule.names) {
        const auto number = table.Number(arch, name);
        if (number && *number > 0) highest = std::max(highest, static_cast<std::uint32_t>(*number));
      }
    }
    last.push_back(
        {.arch = seccomp::AuditArch(arch), .x32 = arch == seccomp::Arch::kX32, .nr = highest});
  }
  return last;
}

Meanings::Meanings(MeaningTools tools) : tools_(std::move(tools)) {}

bpf::Workspace& Meanings::Fresh() {
  if (!workspace_) workspace_.emplace(tools_.limits);
  workspace_->Reset();
  return *workspace_;
}

ProfileMeaning Meanings::Learn(const base::Result<seccomp::Profile>& profile) {
  ProfileMeaning meaning;
  if (!profile) {
    meaning.error = profile.error();
    return meaning;
  }
  auto program = tools_.compile(*profile);
  if (!program) {
    meaning.error = program.error();
    return meaning;
  }
  bpf::Workspace& workspace = Fresh();
  const auto diagram = workspace.Decide(*program);
  if (!diagram) {
    meaning.error = diagram.error();
    return meaning;
  }
  meaning.fingerprint = workspace.Fingerprint(*diagram);
  meaning.program = *std::move(program);
  meaning.last_syscalls = LastSyscallsOf(*profile, tools_.arch, *tools_.table);
  return meaning;
}

const ProfileMeaning& Meanings::Of(const base::Digest& key,
                                   const std::function<base::Result<seccomp::Profile>()>& make) {
  auto found = profiles_.find(key);
  if (found == profiles_.end()) {
    found = profiles_.emplace(key, KnownProfile{.meaning = Learn(make()), .used = pass_}).first;
  }
  found->second.used = pass_;
  return found->second.meaning;
}

const Meanings::Fingerprint& Meanings::FingerprintOf(const SharedStack& stack, std::size_t index) {
  KnownStack& known = stacks_[stack.get()];
  if (known.stack == nullptr) known.stack = stack;
  known.used = pass_;
  const auto found = known.fingerprints.find(index);
  if (found != known.fingerprints.end()) return found->second;
  bpf::Workspace& workspace = Fresh();
  const auto diagram = DecideLoaded(workspace, *stack, index);
  base::Result<base::Digest> fingerprint =
      diagram ? base::Result<base::Digest>(workspace.Fingerprint(*diagram))
              : base::Result<base::Digest>(base::Fail(diagram.error()));
  return known.fingerprints.emplace(index, std::move(fingerprint)).first->second;
}

const ProgramRelation& Meanings::Compare(const base::Digest& key, const ProfileMeaning& profile,
                                         const SharedStack& stack, std::size_t index) {
  static const ProgramRelation kUndecided;
  static const ProgramRelation kEqual{
      .verdict = Verdict::kMatch, .runc_enosys = false, .words = {}, .differences = 0};
  const auto& fingerprint = FingerprintOf(stack, index);
  if (profile.error || !fingerprint) return kUndecided;
  if (profile.fingerprint == *fingerprint) return kEqual;
  const Pair pair(key, *fingerprint);
  auto found = relations_.find(pair);
  if (found == relations_.end()) {
    found =
        relations_
            .emplace(pair, KnownRelation{.relation = Relate(profile, *stack, index), .used = pass_})
            .first;
  }
  found->second.used = pass_;
  return found->second.relation;
}

ProgramRelation Meanings::Relate(const ProfileMeaning& profile, const bpf::Stack& stack,
                                 std::size_t index) {
  ++compared_;
  ProgramRelation relation;
  bpf::Workspace& workspace = Fresh();
  const auto asked = workspace.Decide(profile.program);
  const auto loaded = DecideLoaded(workspace, stack, index);
  if (!asked || !loaded) return relation;
  const bpf::CompareOptions options{.max_differences = kListedDifferences,
                                    .max_terms = kTerms,
                                    .last_syscalls = profile.last_syscalls};
  const auto comparison = bpf::Compare(workspace, *asked, *loaded, options);
  if (!comparison) return relation;
  relation.verdict = VerdictOf(*comparison);
  relation.runc_enosys = comparison->relation == bpf::Relation::kEqualExceptEnosys;
  relation.differences = comparison->total;
  if (relation.verdict != Verdict::kMatch) {
    relation.words = DifferenceWords(*comparison, *tools_.table, tools_.arch);
  }
  return relation;
}

const std::vector<bpf::CauseFound>& Meanings::CausesOf(const Asking& asked,
                                                       const SharedStack& stack,
                                                       std::size_t index) {
  static const std::vector<bpf::CauseFound> kNone;
  const auto& fingerprint = FingerprintOf(stack, index);
  if (!fingerprint) return kNone;
  const auto found = relations_.find(Pair(asked.key, *fingerprint));
  if (found == relations_.end()) return kNone;
  if (!found->second.causes) found->second.causes = Explain(asked, *stack, index);
  return *found->second.causes;
}

std::vector<bpf::CauseFound> Meanings::Explain(const Asking& asked, const bpf::Stack& stack,
                                               std::size_t index) {
  const ProfileMeaning& profile = Of(asked.key, asked.make);
  const auto parsed = asked.make();
  if (profile.error || !parsed) return {};
  bpf::Workspace& workspace = Fresh();
  const auto wanted = workspace.Decide(profile.program);
  const auto loaded = DecideLoaded(workspace, stack, index);
  if (!wanted || !loaded) return {};
  const bpf::CompareOptions options{.max_differences = kListedDifferences,
                                    .max_terms = kTerms,
                                    .last_syscalls = profile.last_syscalls};
  const auto comparison = bpf::Compare(workspace, *wanted, *loaded, options);
  if (!comparison) return {};
  const std::string text = asked.text ? asked.text() : std::string();
  return bpf::FindCauses(workspace, *loaded, *comparison,
                         {.asked = *parsed,
                          .text = text,
                          .native = tools_.arch,
                          .table = *tools_.table,
                          .told = nullptr,
                          .compile = tools_.compile});
}

void Meanings::EndPass() {
  const auto unused = [this](const auto& entry) { return entry.second.used != pass_; };
  // A text that could not be read now may be readable later.
  std::erase_if(profiles_, [&](const auto& entry) {
    return unused(entry) || entry.second.meaning.error.has_value();
  });
  std::erase_if(stacks_, unused);
  std::erase_if(relations_, unused);
  workspace_.reset();
  ++pass_;
}

}  // namespace seccompd::audit
