// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/audit/loaded.h"
#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/bpf/cause.h"
#include "common/bpf/compare.h"
#include "common/bpf/decide.h"
#include "common/bpf/program.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::audit {

// What the comparison of programs is done with; everything borrowed.
struct MeaningTools {
  std::function<base::Result<bpf::Program>(const seccomp::Profile&)> compile;
  const seccomp::SyscallTable* table = nullptr;
  seccomp::Arch arch = seccomp::NativeArch();
  bpf::DecideLimits limits = {};
};

// What a profile means once compiled for this node, or why that is not known.
struct ProfileMeaning {
  bpf::Program program;
  base::Digest fingerprint;
  std::vector<bpf::LastSyscall> last_syscalls;  // above these runc may say ENOSYS
  std::optional<base::Error> error;
};

// How a loaded program relates to a profile. `kMatch`: for every input, runc's ENOSYS for calls
// above the highest one that the profile names aside.
struct ProgramRelation {
  Verdict verdict = Verdict::kUnknown;  // kMatch, kWeaker, kStricter, kDiffers, kUnknown
  bool runc_enosys = false;             // a match but for that region
  std::string words;                    // the difference that says most, with an input
  std::uint64_t differences = 0;

  bool operator==(const ProgramRelation&) const = default;
};

// The profile of a comparison once more, for what only a difference needs.
struct Asking {
  const base::Digest& key;
  const std::function<base::Result<seccomp::Profile>()>& make;
  const std::function<std::string()>& text;  // as its author wrote it; may be empty
};

// Remembers what programs and profiles mean, so that each is decided once and each pair compared
// once: later passes only look up. Pure but for memory; what no pass asked for is forgotten by
// EndPass, which also frees the workspace of the comparisons.
class Meanings {
 public:
  explicit Meanings(MeaningTools tools);

  // By a key that identifies the profile's bytes; `make` is called at most once while remembered.
  const ProfileMeaning& Of(const base::Digest& key,
                           const std::function<base::Result<seccomp::Profile>()>& make);

  // Of the `index`th filter of a stack alone, or of all of it. Undecidable: an error.
  static constexpr std::size_t kWholeStack = ~std::size_t{0};
  using Fingerprint = base::Result<base::Digest>;
  [[nodiscard]] const Fingerprint& FingerprintOf(const SharedStack& stack, std::size_t index);

  const ProgramRelation& Compare(const base::Digest& key, const ProfileMeaning& profile,
                                 const SharedStack& stack, std::size_t index);

  // Why a program that was compared with this profile differs from it: what is shown to explain it.
  const std::vector<bpf::CauseFound>& CausesOf(const Asking& asked, const SharedStack& stack,
                                               std::size_t index);

  void EndPass();

  [[nodiscard]] const MeaningTools& tools() const { return tools_; }
  [[nodiscard]] std::size_t compared() const { return compared_; }  // pairs, since the start
  [[nodiscard]] std::size_t profiles() const { return profiles_.size(); }
  [[nodiscard]] std::size_t stacks() const { return stacks_.size(); }
  [[nodiscard]] std::size_t pairs() const { return relations_.size(); }

 private:
  struct KnownProfile {
    ProfileMeaning meaning;
    std::uint64_t used = 0;  // the pass that last asked
  };
  struct KnownStack {
    SharedStack stack;  // keeps the address taken
    std::map<std::size_t, base::Result<base::Digest>> fingerprints;
    std::uint64_t used = 0;
  };
  struct KnownRelation {
    ProgramRelation relation;
    std::uint64_t used = 0;
    std::optional<std::vector<bpf::CauseFound>> causes = {};  // once asked for
  };
  using Pair = std::pair<base::Digest, base::Digest>;  // key of the profile, loaded fingerprint

  bpf::Workspace& Fresh();
  ProfileMeaning Learn(const base::Result<seccomp::Profile>& profile);
  ProgramRelation Relate(const ProfileMeaning& profile, const bpf::Stack& stack, std::size_t index);
  std::vector<bpf::CauseFound> Explain(const Asking& asked, const bpf::Stack& stack,
                                       std::size_t index);

  MeaningTools tools_;
  std::map<base::Digest, KnownProfile> profiles_;
  std::unordered_map<const bpf::Stack*, KnownStack> stacks_;
  std::map<Pair, KnownRelation> relations_;
  std::optional<bpf::Workspace> workspace_;
  std::uint64_t pass_ = 1;
  std::size_t compared_ = 0;
};

// Where runc's stub may begin: the highest number of any name of the profile, per architecture.
std::vector<bpf::LastSyscall> LastSyscallsOf(const seccomp::Profile& profile, seccomp::Arch native,
                                             const seccomp::SyscallTable& table);

}  // namespace seccompd::audit
