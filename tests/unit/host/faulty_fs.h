// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/host/fs_ops.h"

namespace seccompd::host {

// One call as it was made: for replaying prefixes of a run, with what was not synced left out.
struct RecordedOp {
  std::string call;  // "open", "write", "rename", ...
  int fd = -1;       // the directory or file it works on
  std::string name;  // relative name, "" for calls on a descriptor
  std::string data;  // bytes written, or the new name of a rename
  off_t offset = 0;
  int result = 0;  // as returned

  bool operator==(const RecordedOp&) const = default;
};

// The real file system, but the step with the number `fail_at` (from 0, calls that change something
// or open a file, and reads) returns -`error`, or takes only half of a write. Everything is
// recorded.
class FaultyFs final : public FsOps {
 public:
  struct Fault {
    std::size_t at = 0;
    int error = EIO;
    bool short_write = false;  // a write takes half; other calls are not disturbed
    bool sticky = false;       // every later step fails too: a disk that stays full or read-only
  };

  void Arm(std::optional<Fault> fault) {
    fault_ = fault;
    steps_ = 0;
    fired_ = 0;
  }
  // Every FinishDatasync fails so, until 0 is given.
  void FailFinish(int error) { fail_finish_ = error; }
  // Called with the number of every step before it happens (a test kills or tampers there).
  void OnStep(std::function<void(std::size_t)> hook) { hook_ = std::move(hook); }

  [[nodiscard]] std::size_t steps() const { return steps_; }
  [[nodiscard]] std::size_t fired() const { return fired_; }
  [[nodiscard]] const std::vector<RecordedOp>& ops() const { return ops_; }
  void ClearOps() { ops_.clear(); }
  [[nodiscard]] int open_files() const { return open_files_; }

  int Open(int dirfd, const std::string& path, int flags, mode_t mode) override {
    const int fd =
        Do("open", dirfd, path, "", 0, [&] { return real_.Open(dirfd, path, flags, mode); });
    if (fd >= 0) ++open_files_;
    return fd;
  }
  void Close(int fd) override {
    --open_files_;
    real_.Close(fd);
  }
  ssize_t Read(int fd, char* buffer, std::size_t size, off_t offset) override {
    if (const int e = Next(false); e != 0) return e;
    return real_.Read(fd, buffer, size, offset);
  }
  ssize_t Write(int fd, std::string_view data, off_t offset) override {
    const bool half = fault_ && fault_->short_write && steps_ == fault_->at && data.size() > 1;
    if (const int e = Next(fault_ && fault_->short_write); e != 0) return e;
    if (half) ++fired_;
    const std::string_view part = half ? data.substr(0, data.size() / 2) : data;
    const ssize_t n = real_.Write(fd, part, offset);
    ops_.push_back({"write", fd, "", std::string(part), offset, static_cast<int>(n)});
    return n;
  }
  int Truncate(int fd, off_t size) override {
    return Do("truncate", fd, "", "", size, [&] { return real_.Truncate(fd, size); });
  }
  int Fsync(int fd) override {
    return Do("fsync", fd, "", "", 0, [&] { return real_.Fsync(fd); });
  }
  int Fdatasync(int fd) override {
    return Do("fdatasync", fd, "", "", 0, [&] { return real_.Fdatasync(fd); });
  }
  int StartDatasync(int fd) override {
    const int result = Do("start_datasync", fd, "", "", 0, [&] { return real_.StartDatasync(fd); });
    if (result == 0) syncing_ = fd;
    return result;
  }
  int FinishDatasync() override {
    const int real = real_.FinishDatasync();  // it is under way, whatever we pretend
    return Do("fdatasync", std::exchange(syncing_, -1), "", "", 0,
              [&] { return fail_finish_ != 0 ? -fail_finish_ : real; });
  }
  int Chmod(int fd, mode_t mode) override {
    return Do("chmod", fd, "", "", static_cast<off_t>(mode), [&] { return real_.Chmod(fd, mode); });
  }
  int Stat(int fd, struct stat* out) override {
    if (const int e = Next(false); e != 0) return e;
    return real_.Stat(fd, out);
  }
  int StatAt(int dirfd, const std::string& name, struct stat* out) override {
    if (const int e = Next(false); e != 0) return e;
    return real_.StatAt(dirfd, name, out);
  }
  int Rename(int dirfd, const std::string& from, const std::string& to, unsigned flags) override {
    return Do("rename", dirfd, from, to, static_cast<off_t>(flags),
              [&] { return real_.Rename(dirfd, from, to, flags); });
  }
  int Unlink(int dirfd, const std::string& name) override {
    return Do("unlink", dirfd, name, "", 0, [&] { return real_.Unlink(dirfd, name); });
  }
  int MakeDirectory(int dirfd, const std::string& name, mode_t mode) override {
    return Do("mkdir", dirfd, name, "", static_cast<off_t>(mode),
              [&] { return real_.MakeDirectory(dirfd, name, mode); });
  }
  int RemoveDirectory(int dirfd, const std::string& name) override {
    return Do("rmdir", dirfd, name, "", 0, [&] { return real_.RemoveDirectory(dirfd, name); });
  }
  int LockExclusive(int fd) override {
    return Do("flock", fd, "", "", 0, [&] { return real_.LockExclusive(fd); });
  }
  int List(int dirfd, std::size_t max_entries, std::vector<DirectoryEntry>* out) override {
    if (const int e = Next(false); e != 0) return e;
    return real_.List(dirfd, max_entries, out);
  }

 private:
  // 0, or -errno when this step is to fail.
  int Next(bool spared) {
    const std::size_t step = steps_++;
    if (hook_) hook_(step);
    if (!fault_ || spared || fault_->short_write) return 0;
    if (step != fault_->at && !(fault_->sticky && step > fault_->at)) return 0;
    ++fired_;
    return -fault_->error;
  }

  template <class Call>
  int Do(std::string_view name, int fd, const std::string& path, const std::string& data,
         off_t offset, Call call) {
    int result = Next(false);
    if (result == 0) result = call();
    ops_.push_back({std::string(name), fd, path, data, offset, result});
    return result;
  }

  RealFs real_;
  std::optional<Fault> fault_;
  std::size_t steps_ = 0;
  std::size_t fired_ = 0;
  int open_files_ = 0;
  int syncing_ = -1;
  int fail_finish_ = 0;
  std::function<void(std::size_t)> hook_;
  std::vector<RecordedOp> ops_;
};

}  // namespace seccompd::host
