// SPDX-License-Identifier: Apache-2.0
#include "agent/source/directory_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <ctime>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/host/fs_ops.h"
#include "common/host/host_root.h"
#include "common/kube/manifest.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Fail;
using base::MonoTime;
using base::Result;

constexpr std::size_t kMaxEntries = 100'000;  // of one directory

// What tells one state of a file from another without reading it.
struct Signature {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const Signature&) const = default;
};

std::int64_t Nanoseconds(const struct timespec& t) {
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

Signature SignatureOf(const struct stat& st) {
  return {st.st_dev, st.st_ino, st.st_size, Nanoseconds(st.st_mtim), Nanoseconds(st.st_ctim)};
}

// Changed so lately that a further change may carry the same time stamp.
bool IsYoung(const Signature& signature) {
  struct timespec now {};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  return Nanoseconds(now) - signature.changed_ns < 100'000'000;
}

bool UnderDotDirectory(const std::string& path) {
  const auto segments = base::Split(path, '/');
  return std::any_of(segments.begin(), segments.end(),
                     [](std::string_view segment) { return segment.starts_with('.'); });
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// What one file says.
struct Content {
  std::vector<kube::ConfigMap> config_maps;
  std::vector<kube::Pod> pods;
  std::optional<install::BareProfile> bare;
  std::vector<std::string> ignored;

  bool operator==(const Content&) const = default;
};

std::string Describe(const std::string& kind, const std::string& name) {
  return (kind.empty() ? "object" : kind) + (name.empty() ? "" : " " + name);
}

// Objects that cannot be read now stay as they were: by name, or all of them if the bad one has
// none.
template <class T>
void KeepPrevious(const std::vector<T>& previous, const std::string& name, std::vector<T>* now) {
  for (const T& old : previous) {
    if (!name.empty() && old.meta.name != name) continue;
    const bool present = std::any_of(now->begin(), now->end(), [&](const T& object) {
      return object.meta.name == old.meta.name &&
             object.meta.namespace_name == old.meta.namespace_name;
    });
    if (!present) now->push_back(old);
  }
}

Content FromObjects(std::vector<kube::ManifestObject> objects, const std::string& path,
                    const Content& previous, std::optional<base::Error>* problem) {
  Content content;
  std::vector<kube::InvalidObject> invalid;
  for (kube::ManifestObject& object : objects) {
    if (auto* map = std::get_if<kube::ConfigMap>(&object)) {
      content.config_maps.push_back(std::move(*map));
    } else if (auto* pod = std::get_if<kube::Pod>(&object)) {
      content.pods.push_back(std::move(*pod));
    } else if (auto* ignored = std::get_if<kube::IgnoredObject>(&object)) {
      content.ignored.push_back(path + ": " + Describe(ignored->kind, ignored->name));
    } else {
      invalid.push_back(std::move(std::get<kube::InvalidObject>(object)));
    }
  }
  for (const kube::InvalidObject& object : invalid) {
    if (!*problem) {
      *problem = base::WithContext(object.error, Describe(object.kind, object.name));
    }
    if (object.kind != "Pod") {
      KeepPrevious(previous.config_maps, object.name, &content.config_maps);
    }
    if (object.kind != "ConfigMap") KeepPrevious(previous.pods, object.name, &content.pods);
  }
  return content;
}

// The Error is about the whole text; `problem` about an object in it.
Result<Content> Parse(std::string text, const std::string& path, const Content& previous,
                      bool bare_profiles, std::optional<base::Error>* problem) {
  // A save in two steps truncates first.
  if (base::TrimSpace(text).empty()) return Fail(ErrorCode::kInvalidArgument, "the file is empty");
  std::vector<document::Node> documents;
  if (document::LooksLikeJson(text)) {
    TRY_ASSIGN(auto node, document::ParseJson(text, kube::kManifestLimits));
    documents.push_back(std::move(node));
  } else {
    TRY_ASSIGN(documents, document::ParseYaml(text, kube::kManifestLimits));
  }
  if (std::any_of(documents.begin(), documents.end(), kube::IsManifest)) {
    TRY_ASSIGN(auto objects, kube::ParseManifest(documents));
    return FromObjects(std::move(objects), path, previous, problem);
  }
  Content content;
  if (documents.empty()) return content;  // nothing but comments
  if (!bare_profiles) {
    return Fail(ErrorCode::kInvalidArgument,
                "is no manifest: add apiVersion and kind, as `kubectl get -o yaml` writes them");
  }
  content.bare = install::BareProfile{path, std::move(text), "file " + path};
  return content;
}

}  // namespace

struct DirectorySource::File {
  Signature signature;
  bool young = false;
  Content content;                     // last good
  bool good = false;                   // some reading was without a problem
  std::optional<base::Error> problem;  // of the last reading
};

// The files of a source, by their names, within its limits.
struct DirectorySource::Walk {
  using Directory = std::pair<std::string, std::size_t>;  // path ("": the root) and depth

  Walk(int root, const DirectorySourceOptions& options) {
    host::RealFs fs;
    std::vector<Directory> todo{{"", 0}};
    while (!todo.empty()) {
      const Directory at = std::move(todo.back());
      todo.pop_back();
      const host::FsFile directory(
          fs, fs.Open(root, at.first.empty() ? "." : at.first, O_RDONLY | O_DIRECTORY, 0));
      std::vector<host::DirectoryEntry> entries;
      const int e =
          directory.valid() ? fs.List(directory.fd(), kMaxEntries, &entries) : directory.fd();
      if (e < 0 && e != -ENOENT) {
        exceeded = base::ErrnoError(-e, "read directory '" + at.first + "'");
      }
      if (e >= 0) Take(at, entries, options, todo);
    }
  }

  void Take(const Directory& at, const std::vector<host::DirectoryEntry>& entries,
            const DirectorySourceOptions& options, std::vector<Directory>& todo) {
    for (const host::DirectoryEntry& entry : entries) {
      if (entry.name.starts_with('.')) continue;
      const std::string path = at.first.empty() ? entry.name : at.first + "/" + entry.name;
      const bool directory = entry.type == host::EntryType::kDirectory;
      if (directory && at.second < options.max_depth) {
        todo.push_back({path, at.second + 1});
      } else if (directory) {
        exceeded = base::Error{ErrorCode::kResourceExhausted, "'" + path + "' is too deep"};
      } else if (IsSourceName(entry.name) && files.size() < options.max_files) {
        files.insert(path);
      } else if (IsSourceName(entry.name)) {
        exceeded = base::Error{ErrorCode::kResourceExhausted,
                               "more than " + std::to_string(options.max_files) + " files"};
      }
    }
  }

  std::set<std::string> files;
  std::optional<base::Error> exceeded;  // something was not looked at
};

bool IsSourceName(std::string_view name) {
  if (name.starts_with('.') || name.starts_with('#') || name.ends_with('~')) return false;
  return install::ProfileStem(name).has_value();
}

DirectorySource::DirectorySource(std::string path, DirectorySourceOptions options)
    : path_(std::move(path)), options_(options) {
  contents_.complete = false;
}

DirectorySource::~DirectorySource() = default;

int DirectorySource::fd() const { return watch_ ? watch_->fd() : -1; }

bool DirectorySource::polling() const { return !watch_ || watch_->degraded(); }

MonoTime DirectorySource::Due() const {
  MonoTime due = next_scan_;
  for (const auto& [path, when] : settling_) due = std::min(due, when);
  return due;
}

bool DirectorySource::Update(MonoTime now) {
  bool changed = false;
  const bool present =
      root_.valid() && host::CheckRoot(root_.get(), path_) == host::RootState::kPresent;
  if (!present) {
    changed = Reopen(now);
  } else {
    changed = TakeEvents(now);
    if (now >= next_scan_) changed = Scan(now) || changed;
  }
  changed = TakeSettled(now) || changed;
  if (changed) Rebuild();
  return changed;
}

// The directory for the first time, or again after it was away or replaced.
bool DirectorySource::Reopen(MonoTime now) {
  watch_.reset();
  root_.reset();
  settling_.clear();
  auto root = host::OpenDirectory(path_);
  if (root && host::CheckRoot(root->get(), "") == host::RootState::kRemoved) {
    // Behind a bind mount a removed directory can still be opened: empty, and for ever.
    root = Fail(ErrorCode::kGone, "directory '" + path_ + "' was removed");
  }
  if (!root) {
    next_scan_ = now + options_.poll;
    const bool news = !away_ || *away_ != root.error();
    away_ = std::move(root).error();
    return news;
  }
  const bool news = away_.has_value() || !contents_.complete;
  away_.reset();
  root_ = std::move(*root);
  host::TreeWatchOptions options;
  options.max_depth = options_.max_depth;
  auto watch = host::TreeWatch::Make(root_.get(), options);
  if (watch) watch_ = std::move(*watch);  // else: poll
  return Scan(now) || news;
}

void DirectorySource::Settle(const std::string& path, MonoTime now) {
  settling_[path] = now + options_.settle;
}

bool DirectorySource::TakeEvents(MonoTime now) {
  if (!watch_) return false;
  auto changes = watch_->Drain();
  if (!changes) {
    watch_.reset();  // poll from now on
    return Scan(now);
  }
  bool changed = false;
  bool scan = changes->overflow;
  for (const auto& [path, kinds] : changes->paths) {
    if (UnderDotDirectory(path)) {
      // "..data": the kubelet swaps a whole mounted ConfigMap by renaming one link.
      scan = scan || NameOf(path).starts_with("..");
      continue;
    }
    if (!IsSourceName(NameOf(path))) {
      // A directory, perhaps: what we know below it may be gone.
      if ((kinds & host::kChangeRemoved) == 0) continue;
      for (auto it = files_.lower_bound(path + "/");
           it != files_.end() && it->first.starts_with(path + "/"); ++it) {
        Settle(it->first, now);
      }
      continue;
    }
    if ((kinds & host::kChangeWritten) != 0) {
      settling_.erase(path);
      changed = Reread(path, true) || changed;
    } else {
      Settle(path, now);  // a name that went may come back at once (an editor's save)
    }
  }
  return (scan && Scan(now)) || changed;
}

bool DirectorySource::TakeSettled(MonoTime now) {
  bool changed = false;
  for (auto it = settling_.begin(); it != settling_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    const std::string path = it->first;
    it = settling_.erase(it);
    changed = Reread(path, true) || changed;
  }
  return changed;
}

// Reads everything below the root; true if something changed. Names that are missing settle first.
bool DirectorySource::Scan(MonoTime now) {
  next_scan_ = now + (polling() ? options_.poll : options_.rescan);
  Walk walk(root_.get(), options_);
  bool changed = false;
  for (const std::string& path : walk.files) changed = Reread(path, false) || changed;
  for (const auto& [path, file] : files_) {
    if (!walk.files.contains(path) && !settling_.contains(path)) Settle(path, now);
  }
  changed = changed || exceeded_ != walk.exceeded;
  exceeded_ = std::move(walk.exceeded);
  return changed;
}

// True if what the file says, or what is wrong with it, changed.
bool DirectorySource::Reread(const std::string& path, bool even_if_unchanged) {
  const auto known = files_.find(path);
  auto fd = host::OpenBeneath(root_.get(), path, O_RDONLY | O_NONBLOCK);
  if (!fd && fd.error().code == ErrorCode::kNotFound) {
    if (known == files_.end()) return false;
    bytes_ -= static_cast<std::uint64_t>(known->second->signature.size);
    files_.erase(known);
    return true;
  }
  struct stat st {};
  const bool readable = fd && ::fstat(fd->get(), &st) == 0;
  const Signature signature = readable ? SignatureOf(st) : Signature{};
  if (!even_if_unchanged && known != files_.end() && readable && !known->second->young &&
      known->second->signature == signature) {
    return false;
  }
  auto file = std::make_unique<File>();
  if (known != files_.end()) {
    file->content = known->second->content;
    file->good = known->second->good;
  }
  const std::uint64_t others =
      bytes_ -
      (known != files_.end() ? static_cast<std::uint64_t>(known->second->signature.size) : 0);
  const auto read = [&]() -> Result<Content> {
    if (!fd) return Fail(fd.error());
    TRY_ASSIGN(std::string text, host::ReadFile(*fd, path, options_.max_file_bytes));
    if (others + text.size() > options_.max_total_bytes) {
      return Fail(ErrorCode::kResourceExhausted, "the directory holds more than " +
                                                     std::to_string(options_.max_total_bytes) +
                                                     " bytes in all");
    }
    return Parse(std::move(text), path, file->content, options_.bare_profiles, &file->problem);
  };
  auto content = read();
  const bool too_large = !content && content.error().code == ErrorCode::kResourceExhausted;
  file->signature = too_large ? Signature{} : signature;
  file->young = too_large || IsYoung(signature);
  if (content) {
    file->content = std::move(*content);
  } else {
    file->problem = std::move(content).error();
  }
  file->good = file->good || !file->problem;
  bytes_ = others + static_cast<std::uint64_t>(file->signature.size);
  const bool same = known != files_.end() && known->second->content == file->content &&
                    known->second->problem == file->problem && known->second->good == file->good;
  files_[path] = std::move(file);
  return !same;
}

void DirectorySource::Rebuild() {
  DirectoryContents contents;
  if (away_) contents.problems.push_back({"", *away_});
  if (exceeded_) contents.problems.push_back({"", *exceeded_});
  contents.complete = !away_ && !exceeded_;
  for (const auto& [path, file] : files_) {
    const Content& content = file->content;
    contents.config_maps.insert(contents.config_maps.end(), content.config_maps.begin(),
                                content.config_maps.end());
    contents.pods.insert(contents.pods.end(), content.pods.begin(), content.pods.end());
    if (content.bare) contents.bare.push_back(*content.bare);
    contents.ignored.insert(contents.ignored.end(), content.ignored.begin(), content.ignored.end());
    // It may hold anything: nothing may be missed on its account.
    contents.complete = contents.complete && file->good;
    if (file->problem) contents.problems.push_back({path, *file->problem});
  }
  contents_ = std::move(contents);
}

}  // namespace seccompd::agent
