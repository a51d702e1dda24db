// SPDX-License-Identifier: Apache-2.0
#include "agent/directory_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>

#include "common/base/digest.h"
#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/host/host_root.h"
#include "common/kube/manifest.h"

namespace seccompd::agent {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::MonoTime;
using base::Result;
using install::BareProfile;

bool EndsInAny(std::string_view name) {
  return name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml");
}

// What tells two versions of a file apart without reading it (stat(2)).
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;
  timespec modified{};
  timespec changed{};

  bool operator==(const Stamp& other) const {
    const auto same = [](const timespec& a, const timespec& b) {
      return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    return device == other.device && inode == other.inode && size == other.size &&
           same(modified, other.modified) && same(changed, other.changed);
  }
};

Stamp StampOf(const struct stat& st) {
  return {.device = st.st_dev,
          .inode = st.st_ino,
          .size = st.st_size,
          .modified = st.st_mtim,
          .changed = st.st_ctim};
}

// What one file says.
struct Parsed {
  std::vector<kube::ConfigMap> config_maps;
  std::vector<kube::Pod> pods;
  std::optional<BareProfile> bare;
  std::vector<std::string> ignored;
};

Result<Parsed> ParseManifestFile(const std::string& path, std::string_view text) {
  TRY_ASSIGN(std::vector<kube::ManifestObject> objects, kube::ParseManifest(text));
  Parsed parsed;
  for (kube::ManifestObject& object : objects) {
    if (auto* config_map = std::get_if<kube::ConfigMap>(&object)) {
      parsed.config_maps.push_back(std::move(*config_map));
    } else if (auto* pod = std::get_if<kube::Pod>(&object)) {
      parsed.pods.push_back(std::move(*pod));
    } else if (const auto* ignored = std::get_if<kube::IgnoredObject>(&object)) {
      parsed.ignored.push_back(path + ": " + ignored->kind + ' ' + ignored->name);
    } else if (const auto* invalid = std::get_if<kube::InvalidObject>(&object)) {
      return base::Fail(base::WithContext(invalid->error, invalid->kind + ' ' + invalid->name));
    }
  }
  return parsed;
}

Result<Parsed> ParseFile(const std::string& path, std::string text) {
  std::vector<document::Node> documents;
  if (document::LooksLikeJson(text)) {
    TRY_ASSIGN(document::Node node, document::ParseJson(text));
    documents.push_back(std::move(node));
  } else {
    TRY_ASSIGN(documents, document::ParseYaml(text));
  }
  const bool manifest = std::ranges::any_of(documents, kube::IsManifest);
  if (manifest) return ParseManifestFile(path, text);
  Parsed parsed;
  if (documents.empty()) return parsed;  // nothing but comments
  parsed.bare = BareProfile{.path = path, .text = std::move(text), .origin = "file " + path};
  return parsed;
}

// A regular file below the root: its name there, and where its bytes are.
struct Found {
  std::string path;
  std::string real;
  Stamp stamp;
};

// Lists the directory's files. Symlinks are followed where they end inside `root`.
class Walk {
 public:
  Walk(const std::string& root, const DirectorySourceOptions& options)
      : root_(root), options_(options) {}

  Result<std::vector<Found>> List() {
    std::error_code ec;
    canonical_ = fs::canonical(root_, ec);
    if (ec) return base::Fail(base::ErrnoError(ec.value(), "directory '" + root_ + "'"));
    TRY(Directory("", 0));
    std::ranges::sort(found_, {}, &Found::path);
    return std::move(found_);
  }
  // Why the list ends early, if it does.
  [[nodiscard]] const std::optional<Error>& cut() const { return cut_; }

 private:
  Result<> Directory(const std::string& below, std::size_t depth) {
    if (depth > options_.max_depth) {
      Cut("'" + below + "' lies deeper than " + std::to_string(options_.max_depth) + " levels");
      return {};
    }
    std::error_code ec;
    fs::directory_iterator entries(root_ + '/' + below, ec);
    if (ec) return base::Fail(base::ErrnoError(ec.value(), "list '" + root_ + '/' + below + "'"));
    for (; entries != fs::directory_iterator(); entries.increment(ec)) {
      const std::string name = entries->path().filename().string();
      if (name.starts_with('.')) continue;
      TRY(Entry(below.empty() ? name : below + '/' + name, name, depth));
    }
    if (ec) return base::Fail(base::ErrnoError(ec.value(), "list '" + root_ + '/' + below + "'"));
    return {};
  }

  Result<> Entry(const std::string& path, const std::string& name, std::size_t depth) {
    std::error_code ec;
    const fs::path real = fs::canonical(root_ + '/' + path, ec);
    struct stat st {};
    // Gone again, or a dangling link: not there, as far as we are concerned.
    if (ec || ::stat(real.c_str(), &st) != 0 || !Inside(real)) return {};
    if (S_ISDIR(st.st_mode)) return Directory(path, depth + 1);
    if (!S_ISREG(st.st_mode) || !IsSourceName(name)) return {};
    if (found_.size() == options_.max_files) {
      Cut("more than " + std::to_string(options_.max_files) + " files");
      return {};
    }
    found_.push_back({.path = path, .real = real.string(), .stamp = StampOf(st)});
    return {};
  }

  bool Inside(const fs::path& real) const {
    const auto [end, ignored] =
        std::mismatch(canonical_.begin(), canonical_.end(), real.begin(), real.end());
    return end == canonical_.end();
  }

  void Cut(std::string why) {
    if (!cut_) cut_ = Error{.code = ErrorCode::kResourceExhausted, .message = std::move(why)};
  }

  const std::string& root_;
  const DirectorySourceOptions& options_;
  fs::path canonical_;
  std::vector<Found> found_;
  std::optional<Error> cut_;
};

}  // namespace

struct DirectorySource::File {
  Stamp stamp;
  std::optional<base::Digest> digest;  // of the text that `good` was made from
  std::optional<Parsed> good;          // absent: it never could be read
  std::optional<Error> problem;        // with the text that is there now
  std::optional<MonoTime> missing;     // since when, while that settles
};

bool IsSourceName(std::string_view name) {
  if (name.starts_with('.') || name.starts_with('#') || name.ends_with('~')) return false;
  return EndsInAny(name);
}

DirectorySource::DirectorySource(std::string path, DirectorySourceOptions options)
    : path_(std::move(path)), options_(options) {}
DirectorySource::~DirectorySource() = default;

int DirectorySource::fd() const { return watch_ ? watch_->fd() : -1; }
bool DirectorySource::polling() const { return !watch_ || watch_->degraded(); }

MonoTime DirectorySource::Due() const {
  // The directory itself may be replaced, which no watch below it tells.
  return next_scan_.value_or(MonoTime::min());
}

bool DirectorySource::Update(MonoTime now) {
  TakeEvents(now);
  if (next_scan_ && now < *next_scan_) return false;
  next_scan_ = now + options_.poll;
  Reopen(now);
  const DirectoryContents before = std::exchange(contents_, {});
  Scan(now);
  Rebuild();
  const auto same = [](const DirectoryContents& a, const DirectoryContents& b) {
    return a.config_maps == b.config_maps && a.pods == b.pods && a.bare == b.bare &&
           a.problems == b.problems && a.ignored == b.ignored && a.complete == b.complete;
  };
  return !same(before, contents_);
}

void DirectorySource::TakeEvents(MonoTime now) {
  if (!watch_) return;
  const auto changes = watch_->Drain();
  if (!changes || changes->overflow) next_scan_ = now;
  if (!changes) {
    watch_.reset();
    return;
  }
  bool complete = false;
  bool any = false;
  for (const auto& [path, kinds] : changes->paths) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    // "..data" is how a mounted ConfigMap is switched; other dot names are editors' business.
    if (name.starts_with('.') && name != "..data") continue;
    any = true;
    complete = complete || (kinds & host::kChangeWritten) != 0;
  }
  // A file that is written but not closed yet, or that is gone for a moment, is given time.
  const MonoTime due = complete ? now : now + options_.settle;
  if (any && (!next_scan_ || due < *next_scan_)) next_scan_ = due;
}

// Follows the path: the directory may come late, go away, or be replaced.
void DirectorySource::Reopen(MonoTime now) {
  static_cast<void>(now);
  if (root_.valid() && host::CheckRoot(root_.get(), path_) == host::RootState::kPresent) {
    if (watch_) return;
  } else {
    watch_.reset();
    root_.reset();
    auto opened = host::OpenDirectory(path_);
    if (!opened) {
      away_ = std::move(opened).error();
      return;
    }
    root_ = *std::move(opened);
    away_.reset();
  }
  auto watch = host::TreeWatch::Make(root_.get(), {});
  if (watch) watch_ = *std::move(watch);
}

void DirectorySource::Scan(MonoTime now) {
  if (away_) return;
  Walk walk(path_, options_);
  auto found = walk.List();
  if (!found) {
    away_ = std::move(found).error();
    root_.reset();
    return;
  }
  cut_ = walk.cut();
  std::size_t total = 0;
  std::set<std::string_view> seen;
  for (const Found& entry : *found) {
    seen.insert(entry.path);
    total += static_cast<std::size_t>(entry.stamp.size);
    if (total > options_.max_total_bytes) {
      cut_ = Error{.code = ErrorCode::kResourceExhausted,
                   .message = "more than " + std::to_string(options_.max_total_bytes) + " bytes"};
      break;
    }
    std::unique_ptr<File>& slot = files_[entry.path];
    if (!slot) slot = std::make_unique<File>();
    File& file = *slot;
    file.missing.reset();
    if (file.stamp == entry.stamp) continue;
    file.stamp = entry.stamp;
    ReadChanged(entry.path, entry.real, &file);
  }
  for (auto file = files_.begin(); file != files_.end();) {
    if (seen.contains(file->first) || cut_) {
      ++file;
    } else if (!file->second->missing) {
      // Some editors unlink and write anew: gone counts only if it lasts.
      file->second->missing = now;
      next_scan_ = std::min(*next_scan_, now + options_.settle);
      ++file;
    } else if (now - *file->second->missing < options_.settle) {
      ++file;
    } else {
      file = files_.erase(file);
    }
  }
}

void DirectorySource::ReadChanged(const std::string& path, const std::string& real, File* file) {
  file->problem.reset();
  auto text = host::ReadFile(root_.get(), real, options_.max_file_bytes);
  if (!text) {
    file->problem = std::move(text).error();
    return;
  }
  const base::Digest digest = base::Sha256(*text);
  if (file->good && file->digest == digest) return;
  auto parsed = ParseFile(path, *std::move(text));
  if (!parsed) {
    file->problem = std::move(parsed).error();
    return;
  }
  file->good = *std::move(parsed);
  file->digest = digest;
}

void DirectorySource::Rebuild() {
  DirectoryContents all;
  if (away_) all.problems.push_back({.path = "", .error = *away_});
  if (cut_) all.problems.push_back({.path = "", .error = *cut_});
  all.complete = !away_ && !cut_;
  for (const auto& [path, file] : files_) {
    if (file->problem) all.problems.push_back({.path = path, .error = *file->problem});
    if (!file->good) {
      // It may hold anything: nothing may be missed on its account.
      all.complete = false;
      continue;
    }
    const Parsed& good = *file->good;
    all.config_maps.insert(all.config_maps.end(), good.config_maps.begin(), good.config_maps.end());
    all.pods.insert(all.pods.end(), good.pods.begin(), good.pods.end());
    all.ignored.insert(all.ignored.end(), good.ignored.begin(), good.ignored.end());
    if (good.bare) all.bare.push_back(*good.bare);
  }
  contents_ = std::move(all);
}

}  // namespace seccompd::agent
