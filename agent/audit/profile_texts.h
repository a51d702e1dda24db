// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/audit/expectation.h"
#include "common/base/result.h"
#include "common/install/ledger.h"

namespace seccompd::agent {

inline constexpr std::size_t kMaxProfileBytes = std::size_t{1} << 20;

// The text of a profile file that is another tool's, as a runtime would read it: through symlinks.
[[nodiscard]] base::Result<std::string> ReadProfileFile(int rootfd, const std::string& path);

// The text of one revision out of the ledger below the root; for a command, which has no lock on
// it. Checked against its digest.
[[nodiscard]] base::Result<std::string> ReadLedgerText(int rootfd,
                                                       const install::LedgerState& ledger,
                                                       const std::string& path,
                                                       std::uint32_t revision);

// What runtimes were told: linux.seccomp of each bundle's config.json, read once a container. Each
// pattern holds one '*', which stands for the container's ID. Nothing else of the file is kept: it
// holds the container's environment.
class Bundles {
 public:
  explicit Bundles(std::string_view patterns);  // separated by commas; "": none

  // kInvalidArgument: a pattern without exactly one '*', or not absolute.
  [[nodiscard]] base::Result<void> Check() const;
  [[nodiscard]] bool empty() const { return patterns_.empty(); }

  // nullptr: not readable (any more).
  const audit::Told* ToldOf(const procfs::ContainerRef& ref);
  // Forgets what no pass asked for since the last call.
  void EndPass();

 private:
  struct Known {
    std::optional<audit::Told> told;
    bool used = true;
  };
  std::vector<std::string> patterns_;
  std::map<std::string, Known> known_;  // by container ID
};

// The seccomp part of a config.json; nullopt: it is no OCI configuration.
[[nodiscard]] std::optional<audit::Told> ParseBundle(std::string_view text);

}  // namespace seccompd::agent
