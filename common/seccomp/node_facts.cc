// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/node_facts.h"

#include <algorithm>
#include <array>

namespace seccompd::seccomp {
namespace {

using std::string_view;

constexpr auto kAll = std::to_array<string_view>({
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
});

constexpr std::array<string_view, 14> kDefault = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

// Words are parted by commas or blanks.
bool IsSeparator(char c) { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string Spelt(string_view word) {
  std::string out;
  for (const char c : word) {
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out.starts_with("CAP_") || out == "ALL" || out == "NONE" ? out : "CAP_" + out;
}

}  // namespace

bool NodeFacts::KernelAtLeast(std::uint32_t major, std::uint32_t minor) const {
  if (kernel_major == 0) return true;
  return kernel_major > major || (kernel_major == major && kernel_minor >= minor);
}

std::vector<string_view> NodeFacts::Capabilities() const {
  if (capabilities) return {capabilities->begin(), capabilities->end()};
  return {kDefault.begin(), kDefault.end()};
}

std::span<const string_view> DefaultCapabilities() { return kDefault; }
std::span<const string_view> AllCapabilities() { return kAll; }

bool IsCapability(string_view name) {
  return std::find(kAll.begin(), kAll.end(), name) != kAll.end();
}

CapabilityList ParseCapabilities(string_view text) {
  CapabilityList out;
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), IsSeparator);
    const auto size = static_cast<std::size_t>(end - text.begin());
    if (size > 0) words.push_back(Spelt(text.substr(0, size)));
    if (size > 0 && !IsCapability(words.back()) && words.back() != "ALL" &&
        words.back() != "NONE" && out.unknown.empty()) {
      out.unknown = text.substr(0, size);
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  const auto has = [&words](string_view name) {
    return std::find(words.begin(), words.end(), name) != words.end();
  };
  const bool all = has("ALL");
  for (const string_view name : kAll) {
    if (all || has(name)) out.names.emplace_back(name);
  }
  return out;
}

}  // namespace seccompd::seccomp
