// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/installer_texts.h"

#include <utility>

#include "agent/audit/profile_texts.h"

namespace seccompd::agent {
namespace {

base::Error RootLost() {
  return {.code = base::ErrorCode::kUnavailable, .message = "the seccomp root is lost"};
}

base::Result<std::string> RevisionText(const install::Installer* installer, const std::string& path,
                                       std::uint32_t number) {
  if (installer == nullptr) return base::Fail(RootLost());
  const install::OwnedPath* owned = installer->ledger().Find(path);
  if (owned != nullptr) {
    for (const install::Revision& revision : owned->revisions) {
      if (revision.number == number) return installer->ReadRevision(revision);
    }
  }
  return base::Fail(base::ErrorCode::kNotFound, "the ledger has no such revision");
}

}  // namespace

audit::ProfileTexts TextsOf(const std::function<const install::Installer*()>& installer) {
  audit::ProfileTexts texts;
  texts.revision = [installer](const std::string& path, std::uint32_t number) {
    return RevisionText(installer(), path, number);
  };
  texts.file = [installer](const std::string& path) -> base::Result<std::string> {
    if (installer() == nullptr) return base::Fail(RootLost());
    return ReadProfileFile(installer()->rootfd(), path);
  };
  return texts;
}

}  // namespace seccompd::agent
