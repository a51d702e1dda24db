// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/chaos.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "common/base/unique_fd.h"
#include "tests/support/tree_builder.h"

namespace seccompd::crash {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test_support::TreeBuilder;

constexpr char kSpoiled[] = "{}";  // would load no filter at all
constexpr char kTheirs[] = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
constexpr const char* kStrangers[] = {"foreign.json", "cm3/theirs.json", "cm5/theirs.json",
                                      "held/p.json", "notes/readme"};
constexpr int kMostTamperings = 2;  // until it is settled: five repairs an hour are contested

std::string NameOf(int n) { return "cm" + std::to_string(n); }

// Versions differ in their length, by up to 20 KB, so that a torn file shows.
std::string TextOf(int n, int version) {
  std::string calls;
  for (int i = 0; i <= version * 40; ++i) {
    calls += (i == 0 ? "" : ",") +
             std::string(R"({"names":["ptrace"],"action":"SCMP_ACT_ERRNO",)") + R"("errnoRet":)" +
             std::to_string(10 * n + version + 1) + R"(,"args":[{"index":0,"value":)" +
             std::to_string(i) + R"(,"op":"SCMP_CMP_EQ"}]})";
  }
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)" + calls + "]}";
}

// Content, or nullopt with errno. Never through a symlink.
std::optional<std::string> ReadPlain(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string Fingerprint(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return "absent";
  const auto text = ReadPlain(path);
  return std::to_string(st.st_ino) + " " + std::to_string(st.st_mode) + " " +
         std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec) + " " +
         text.value_or("unreadable");
}

}  // namespace

Chaos::Chaos(unsigned seed) : random_(seed) {}

Chaos::~Chaos() {
  stop_ = true;
  if (reader_.joinable()) reader_.join();
}

std::string Chaos::PathOf(int n) const { return node_.Path(NameOf(n) + "/p.json"); }

bool Chaos::IsVersion(int n, const std::string& text, int* version) const {
  const auto& all = rendered_.at(static_cast<std::size_t>(n));
  for (std::size_t v = 0; v < all.size(); ++v) {
    if (all.at(v) != text) continue;
    *version = static_cast<int>(v);
    return true;
  }
  return false;
}

void Chaos::Begin() {
  TreeBuilder root(node_.seccomp_root());
  for (const char* path : kStrangers) root.File(path, kTheirs);
  for (const char* path : kStrangers) strangers_[path] = Fingerprint(node_.Path(path));
  TreeBuilder(node_.Outside("")).Dir("elsewhere");
  for (int n = 0; n < kProfiles; ++n) {
    for (int v = 0; v < kVersions; ++v) {
      rendered_.at(static_cast<std::size_t>(n)).at(static_cast<std::size_t>(v)) =
          e2e::Rendered(TextOf(n, v));
    }
    Want(n, 0);
    ++epochs_.at(static_cast<std::size_t>(n));  // not there yet
  }
  node_.Apply({.name = "held", .data = {{"p.json", TextOf(0, 1)}}});  // a stranger stands there
  reader_ = std::thread([this] { ReadForEver(); });
}

base::Result<> Chaos::StartAgent() {
  agent_.reset();
  TRY_ASSIGN(auto child,
             test_support::ChildProcess::Start(
                 {.argv = {SECCOMPD_BINARY, "run", "--web.listen-address", "127.0.0.1:0",
                           "--source", "dir:" + node_.manifests(), "--pods", node_.PodsFlag(),
                           "--seccomp-root", node_.seccomp_root(), "--node-default", "unconfined",
                           "--delete-grace", "0s", "--log.level", "warning"},
                  // LeakSanitizer needs ptrace(2), which a confined agent has given up.
                  .env = {{"ASAN_OPTIONS", "detect_leaks=0"}}}));
  agent_.emplace(std::move(child));
  return {};
}

void Chaos::KillAgent() {
  agent_->Signal(SIGKILL);
  // Until it is gone it holds its lock.
  EXPECT_TRUE(agent_->Wait(std::chrono::seconds(60))) << "SIGKILL has not ended it";
}

int Chaos::StopAgent() {
  agent_->Signal(SIGTERM);
  const auto outcome = agent_->Wait(std::chrono::seconds(15));
  return outcome ? outcome->exit_code : -1;
}

void Chaos::Want(int n, std::optional<int> version) {
  Slot& slot = slots_.at(static_cast<std::size_t>(n));
  slot.version = version;
  if (version) {
    slot.possible.insert(*version);
    node_.Apply({.name = NameOf(n), .data = {{"p.json", TextOf(n, *version)}}});
  } else {
    node_.Withdraw(NameOf(n));
  }
}

void Chaos::Disturb(milliseconds time) {
  for (int n = 0; n < kProfiles; ++n) {
    Slot& slot = slots_.at(static_cast<std::size_t>(n));
    const bool removable = n >= kProfiles - kRemovable;
    const unsigned pick = random_() % 4;
    slot.role = pick == 0                  ? Role::kSteady
                : pick == 1                ? Role::kChanged
                : pick == 2 && removable   ? Role::kComesAndGoes
                : slot.version.has_value() ? Role::kTampered
                                           : Role::kSteady;
    const bool exists = slot.role == Role::kSteady || slot.role == Role::kChanged;
    auto& epoch = epochs_.at(static_cast<std::size_t>(n));
    if (!(exists && slot.version) && epoch % 2 == 0) ++epoch;
    if (slot.role == Role::kChanged && !slot.version) slot.role = Role::kComesAndGoes;
  }
  const auto end = steady_clock::now() + time;
  do {
    DisturbOne(static_cast<int>(random_() % kProfiles));
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 4'000));
  } while (steady_clock::now() < end);
}

void Chaos::ChangeOne() { Want(0, (slots_.at(0).version.value_or(0) + 1) % kVersions); }

void Chaos::DisturbOne(int n) {
  Slot& slot = slots_.at(static_cast<std::size_t>(n));
  switch (slot.role) {
    case Role::kSteady:
      return;
    case Role::kChanged:
      Want(n, static_cast<int>(random_() % kVersions));
      break;
    case Role::kComesAndGoes:
      if (slot.version && random_() % 2 == 0) {
        Want(n, std::nullopt);
      } else {
        Want(n, static_cast<int>(random_() % kVersions));
      }
      break;
    case Role::kTampered:
      if (slot.tamperings >= kMostTamperings) return;
      Tamper(n);
      break;
  }
  ++disturbances_;
}

// What another tool or a person might do, each by one system call where it matters.
void Chaos::Tamper(int n) {
  Slot& slot = slots_.at(static_cast<std::size_t>(n));
  ++slot.tamperings;
  const std::string path = PathOf(n);
  const std::string spare = node_.Outside("spare");
  const bool shared = n == 3 || n == 5;  // a stranger's file is in that directory too
  switch (random_() % (shared ? 5 : 7)) {
    case 0:
      TreeBuilder(node_.Outside("")).File("spare", kSpoiled);
      (void)std::rename(spare.c_str(), path.c_str());
      break;
    case 1: {
      const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
      if (fd.valid() && ::pwrite(fd.get(), "#", 1, 0) != 1) --slot.tamperings;
      break;
    }
    case 2:
      (void)::unlink(path.c_str());
      break;
    case 3:
      (void)::chmod(path.c_str(), 0600);
      break;
    case 4:
      TreeBuilder(node_.Outside("")).Symlink("spare", "/dev/null");
      (void)std::rename(spare.c_str(), path.c_str());
      break;
    case 5:
      (void)::renameat2(AT_FDCWD, node_.Path(NameOf(n)).c_str(), AT_FDCWD, spare.c_str(), 0);
      TreeBuilder(node_.Outside("")).Remove("spare");
      break;
    default:
      TreeBuilder(node_.Outside("")).Symlink("spare", node_.Outside("elsewhere"));
      (void)::renameat2(AT_FDCWD, spare.c_str(), AT_FDCWD, node_.Path(NameOf(n)).c_str(),
                        RENAME_EXCHANGE);
      TreeBuilder(node_.Outside("")).Remove("spare");
      slot.tamperings = kMostTamperings;  // what we did next would go through our own link
  }
}

std::string Chaos::CheckSlot(int n) const {
  const Slot& slot = slots_.at(static_cast<std::size_t>(n));
  const std::string path = PathOf(n);
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    const bool may =
        slot.role == Role::kComesAndGoes || slot.role == Role::kTampered || slot.possible.empty();
    return may ? "" : path + " is lost";
  }
  if (slot.role == Role::kTampered) return "";
  if (!S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0644) return path + ": type or mode";
  int version = 0;
  const auto text = ReadPlain(path);
  if (!text || !IsVersion(n, *text, &version)) return path + ": not whole";
  if (!slot.possible.contains(version)) return path + ": a version that nobody wanted lately";
  return "";
}

std::string Chaos::CheckStrangers() const {
  for (const auto& [path, fingerprint] : strangers_) {
    if (Fingerprint(node_.Path(path)) != fingerprint) return path + " was touched";
  }
  if (!std::filesystem::is_empty(node_.Outside("elsewhere"))) {
    return "something was written through a link";
  }
  return "";
}

// A pod could name any of them as its profile: none may be a JSON object.
std::string Chaos::CheckOwnFiles() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(node_.Path(".seccompd"), error)) {
    const auto text = ReadPlain(entry.path());
    if (text && !text->empty() && text->front() != '#') return entry.path().string() + ": no '#'";
    if (entry.path().filename().string().starts_with("kept-")) return "the ledger was given up";
  }
  return "";
}

std::string Chaos::CheckLegal() const {
  for (int n = 0; n < kProfiles; ++n) {
    if (std::string wrong = CheckSlot(n); !wrong.empty()) return wrong;
  }
  std::string wrong = CheckStrangers();
  return wrong.empty() ? CheckOwnFiles() : wrong;
}

// Every file and directory there is against what should be there.
std::string Chaos::Difference() const {
  std::set<std::string> expected{
      ".seccompd", ".seccompd/ledger", ".seccompd/lock", "cm3", "cm5", "held", "notes"};
  for (const char* path : kStrangers) expected.insert(path);
  for (int n = 0; n < kProfiles; ++n) {
    const Slot& slot = slots_.at(static_cast<std::size_t>(n));
    if (!slot.version) continue;
    expected.insert(NameOf(n));
    expected.insert(NameOf(n) + "/p.json");
    struct stat st {};
    const std::string path = PathOf(n);
    if (::lstat(path.c_str(), &st) != 0) return path + " is missing";
    if (!S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0644) return path + ": type or mode";
    const auto& all = rendered_.at(static_cast<std::size_t>(n));
    if (ReadPlain(path) != all.at(static_cast<std::size_t>(*slot.version))) {
      return path + " is not version " + std::to_string(*slot.version);
    }
  }
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(node_.seccomp_root(), error), end;
       !error && it != end; it.increment(error)) {
    const std::string path = it->path().lexically_relative(node_.seccomp_root()).string();
    if (!expected.contains(path)) return path + " is left over";
    expected.erase(path);
  }
  if (error) return error.message();
  return expected.empty() ? "" : *expected.begin() + " is missing";
}

std::string Chaos::Settle() {
  std::string wrong;
  const bool settled = test_support::WaitFor(std::chrono::seconds(60), [&] {
    wrong = Difference();
    return wrong.empty() || !agent_->Running();
  });
  if (!settled || !wrong.empty()) return agent_->Running() ? wrong : "the agent ended";
  for (int n = 0; n < kProfiles; ++n) {
    Slot& slot = slots_.at(static_cast<std::size_t>(n));
    slot.possible.clear();
    if (slot.version) slot.possible.insert(*slot.version);
    slot.tamperings = 0;
    slot.role = Role::kSteady;
    auto& epoch = epochs_.at(static_cast<std::size_t>(n));
    if ((epoch % 2 == 0) != slot.version.has_value()) ++epoch;
  }
  ++settled_;
  wrong = CheckStrangers();
  return wrong.empty() ? CheckOwnFiles() : wrong;
}

ReaderTotals Chaos::StopReader() {
  stop_ = true;
  reader_.join();
  return totals_;
}

// A container runtime: opens a profile, reads it to its end, and must find it whole.
void Chaos::ReadForEver() {
  for (int n = 0; !stop_ && totals_.complaint.empty(); n = (n + 1) % kProfiles) {
    if (n == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));  // others run too
    const auto& epoch = epochs_.at(static_cast<std::size_t>(n));
    const unsigned before = epoch;
    auto text = ReadPlain(PathOf(n));
    const int error = errno;
    const bool must_exist = before % 2 == 0 && before == epoch;
    int version = 0;
    if (text && IsVersion(n, *text, &version)) {
      ++totals_.whole;
      continue;
    }
    if (!must_exist) {
      if (!text || *text == kSpoiled || *text == "#}") continue;  // ours, twice spoiled
      if (text->starts_with('#') && IsVersion(n, "{" + text->substr(1), &version)) continue;
    }
    if (!must_exist && before != epoch) continue;  // its role changed meanwhile
    totals_.complaint =
        PathOf(n) + " (epoch " + std::to_string(before) + "): " +
        (text ? "read " + std::to_string(text->size()) + " bytes: " + text->substr(0, 40)
              : "errno " + std::to_string(error));
  }
}

}  // namespace seccompd::crash
