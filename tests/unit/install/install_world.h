// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/document/document.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/host/faulty_fs.h"
#include "tests/unit/install/desired_literals.h"

namespace seccompd::install {

// While it lives, temporary directories are made in memory: for tests with thousands of fsyncs.
// List it as a base before InstallWorld.
class MemoryTemp {
 protected:
  MemoryTemp() {
    const char* set = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): one thread
    if (set != nullptr) before_ = set;
    (void)::setenv("TMPDIR", "/dev/shm", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  ~MemoryTemp() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    (void)(before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"));
  }
  MemoryTemp(const MemoryTemp&) = delete;
  MemoryTemp& operator=(const MemoryTemp&) = delete;

 private:
  std::optional<std::string> before_;
};

// An installer on a real directory, with time and faults as values.
class InstallWorld {
 protected:
  InstallWorld() : build_(dir_.path()) {}

  base::UniqueFd Root() { return host::OpenDirectory(dir_.path()).value(); }
  void Close() { installer_.reset(); }
  void Open() {
    Close();
    auto opened = Installer::Open(fs_, Root(), options_);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    installer_ = std::move(*opened);
  }
  Report Go(const Desired& desired, const Glance& glance = {}) {
    return installer_->Reconcile(desired, references_, At(now_), glance);
  }

  [[nodiscard]] std::string Content(const std::string& path) const {
    return test_support::ReadFile(dir_.Join(path)).value_or("<absent>");
  }
  [[nodiscard]] mode_t Mode(const std::string& path) const {
    struct stat st {};
    return ::lstat(dir_.Join(path).c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  // "path=state@revision ..." of every row.
  static std::string States(const Report& report) {
    std::string text;
    for (const ProfileRow& row : report.rows) {
      text += (text.empty() ? "" : " ") + row.path + "=" +
              std::string(ProfileStateName(row.state)) + "@" + std::to_string(row.revision);
    }
    return text;
  }
  static std::vector<std::string> Kinds(const Report& report) {
    std::vector<std::string> kinds;
    for (const StepResult& result : report.steps) {
      kinds.push_back(std::string(StepKindName(result.step.kind)) + " " + result.step.path);
    }
    return kinds;
  }
  // The temp file's name, from the ledger's first line.
  [[nodiscard]] std::string TempNameNow() const {
    const std::string text = Content(".seccompd/ledger");
    const std::size_t end = text.find('\n');
    return end == std::string::npos || end < 16 ? "none" : TempName(text.substr(end - 16, 16));
  }

  // One of eight ways to spoil an installed file.
  void Tamper(const std::string& path, unsigned way) {
    const std::string full = dir_.Join(path);
    switch (way) {
      case 0:
        build_.File(path, "{}");
        break;
      case 1:
        build_.File(path, "");
        break;
      case 2:
        ASSERT_EQ(::chmod(full.c_str(), 0600), 0);
        break;
      case 3:
        ASSERT_EQ(::unlink(full.c_str()), 0);
        break;
      case 4:
        build_.Remove(path).Symlink(path, "/dev/null");
        break;
      case 5:
        build_.Remove(path.substr(0, path.rfind('/')));
        break;
      case 6:
        ASSERT_EQ(::unlink(full.c_str()), 0);
        ASSERT_EQ(::mkfifo(full.c_str(), 0644), 0);
        break;
      default:
        build_.Remove(path.substr(0, path.find('/')));
        build_.Symlink(path.substr(0, path.find('/')), "/tmp");
    }
  }

  // No file that is not an installed profile decodes as a JSON object (a pod could name it).
  void ExpectNothingPosesAsAProfile() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().lexically_relative(dir_.path());
      const OwnedPath* owned = installer_->ledger().Find(path);
      if (owned != nullptr && owned->InForce() != nullptr) continue;
      const std::string text = test_support::ReadFile(entry.path()).value_or("");
      if (path.starts_with(".seccompd")) {
        EXPECT_FALSE(document::ParseJson(text).has_value()) << path;
        EXPECT_TRUE(text.empty() || text[0] == '#') << path;
      }
    }
  }

  test_support::TempDir dir_;
  test_support::TreeBuilder build_;
  host::FaultyFs fs_;
  InstallerOptions options_;
  References references_ = Refers();
  std::int64_t now_ = 1'000;
  std::unique_ptr<Installer> installer_;
};

}  // namespace seccompd::install
