// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/docker_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/seccomp/errno_name.h"
#include "common/seccomp/profile_keys.h"

namespace seccompd::seccomp {
namespace {

using document::Kind;
using document::Node;

constexpr std::size_t kMaxListed = 64;  // of any list here

// "4.8" -> {4, 8}, as moby's KernelVersion reads it: two numbers, not both 0.
std::optional<std::pair<std::uint32_t, std::uint32_t>> KernelVersion(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = base::ParseInt<std::uint32_t>(text.substr(0, dot));
  const auto minor = base::ParseInt<std::uint32_t>(text.substr(dot + 1));
  if (!major || !minor || (*major == 0 && *minor == 0)) return std::nullopt;
  return std::pair(*major, *minor);
}

std::string Times(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

// What a filter demands; what is absent or empty demands nothing.
struct DockerFields::Filter {
  std::vector<std::string_view> arches;
  std::vector<std::string_view> caps;
  std::optional<bool> kernel;  // is the node's at least that of minKernel?
};

void DockerFields::See(Decided what, const Field& field, const Path& path) {
  Seen& seen = seen_[what];
  if (seen.times++ > 0) return;
  seen.pointer = path.Key(field.key).ToPointer();
  seen.line = field.node->line;
  seen.column = field.node->column;
}

std::vector<std::string_view> DockerFields::ReadStrings(const Field& field, const Path& path,
                                                        std::string_view what) {
  std::vector<std::string_view> out;
  if (!field) return out;
  const Path list_path = path.Key(field.key);
  const Node& node = *field.node;
  if (!read_.Expect(node, Kind::kArray, list_path, field.key)) return out;
  if (node.items.size() > kMaxListed) {
    read_.Add(codes::kTooLarge, node, list_path,
              fmt::format("more than {} entries in {}", kMaxListed, field.key));
    return out;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (!read_.Expect(node.items[i], Kind::kString, list_path.Index(i), what)) continue;
    out.push_back(node.items[i].scalar);
  }
  return out;
}

std::optional<bool> DockerFields::ReadKernel(const Field& field, const Path& path) {
  if (!field) return std::nullopt;
  const Path key_path = path.Key(field.key);
  if (!read_.Expect(*field.node, Kind::kString, key_path, field.key)) return std::nullopt;
  const auto version = KernelVersion(field.node->scalar);
  if (!version) {
    read_.Add(codes::kBadNumber, *field.node, key_path,
              fmt::format("minKernel {} is no kernel version; write \"MAJOR.MINOR\"",
                          Quoted(field.node->scalar)));
    return std::nullopt;
  }
  return node_.KernelAtLeast(version->first, version->second);
}

DockerFields::Filter DockerFields::ReadFilter(const Field& field, const Path& path) {
  Filter filter;
  if (!field) return filter;
  const Path own = path.Key(field.key);
  if (!read_.Expect(*field.node, Kind::kObject, own, field.key)) return filter;
  const std::vector<Field> fields = read_.Fields(*field.node, own, kFilterKeys);
  filter.arches = ReadStrings(fields[kArches], own, "an architecture");
  filter.caps = ReadStrings(fields[kCaps], own, "a capability");
  filter.kernel = ReadKernel(fields[kFilterMinKernel], own);
  for (std::size_t i = 0; i < filter.caps.size(); ++i) {
    if (IsCapability(filter.caps[i])) continue;
    sink_.Add(
        codes::kUnknownCapability, own.Key(fields[kCaps].key).Index(i).ToPointer(),
        fmt::format("no capability {} is known, so no container has it{}", Quoted(filter.caps[i]),
                    Suggestion(filter.caps[i], AllCapabilities(), "CAP_")));
  }
  return filter;
}

bool DockerFields::HasCapability(std::string_view name) const {
  const std::vector<std::string_view> held = node_.Capabilities();
  return std::find(held.begin(), held.end(), name) != held.end();
}

// The lists hold Go's names for architectures, which ArchFromName knows.
bool DockerFields::IsThisArch(std::string_view name) const {
  const auto arch = ArchFromName(name);
  return arch && *arch == node_.arch;
}

bool DockerFields::Applies(const Field& includes, const Field& excludes, const Path& path) {
  if (includes) See(kIncludes, includes, path);
  if (excludes) See(kExcludes, excludes, path);
  const auto has = [this](std::string_view cap) { return HasCapability(cap); };
  const auto here = [this](std::string_view arch) { return IsThisArch(arch); };
  const Filter out = ReadFilter(excludes, path);
  const Filter in = ReadFilter(includes, path);
  const bool excluded = std::any_of(out.arches.begin(), out.arches.end(), here) ||
                        std::any_of(out.caps.begin(), out.caps.end(), has) ||
                        out.kernel.value_or(false);
  if (excluded) {
    ++seen_[kExcludes].left_out;
    return false;
  }
  const bool included =
      (in.arches.empty() || std::any_of(in.arches.begin(), in.arches.end(), here)) &&
      std::all_of(in.caps.begin(), in.caps.end(), has) && in.kernel.value_or(true);
  if (!included) ++seen_[kIncludes].left_out;
  return included;
}

std::string DockerFields::ReadName(const Field& field, const Path& path) {
  See(kName, field, path);
  if (!read_.Expect(*field.node, Kind::kString, path.Key(field.key), field.key)) return {};
  return field.node->scalar;
}

std::optional<std::uint64_t> DockerFields::ReadErrno(const Field& field, const Path& path) {
  See(kErrno, field, path);
  const Path key_path = path.Key(field.key);
  if (!read_.Expect(*field.node, Kind::kString, key_path, field.key)) return std::nullopt;
  const std::string& text = field.node->scalar;
  if (const auto number = ErrnoFromName(text, node_.arch)) return number;
  if (const auto number = base::ParseInt<std::uint64_t>(text)) return number;
  read_.Add(codes::kBadNumber, *field.node, key_path,
            fmt::format("{} {} is no error of {}; write a name as in errno(3), or the number as "
                        "errnoRet or defaultErrnoRet",
                        field.key, Quoted(text), DisplayName(node_.arch)));
  return std::nullopt;
}

std::vector<Arch> DockerFields::ReadArchMap(const Field& field, const Path& path) {
  See(kArchMap, field, path);
  std::vector<Arch> archs;
  const Path list_path = path.Key(field.key);
  const Node& node = *field.node;
  if (!read_.Expect(node, Kind::kArray, list_path, field.key)) return archs;
  if (node.items.size() > kMaxListed) {
    read_.Add(codes::kTooLarge, node, list_path,
              fmt::format("more than {} entries in {}", kMaxListed, field.key));
    return archs;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const Path item_path = list_path.Index(i);
    if (!read_.Expect(item, Kind::kObject, item_path, "an entry of archMap")) continue;
    const std::vector<Field> fields = read_.Fields(item, item_path, kArchMapKeys);
    const Field& arch = fields[kMapArchitecture];
    if (!arch) {
      read_.Add(codes::kMissingField, item, item_path, "architecture is missing; add it");
      continue;
    }
    if (!read_.Expect(*arch.node, Kind::kString, item_path.Key(arch.key), arch.key)) continue;
    const auto subs = ReadStrings(fields[kSubArchitectures], item_path, "an architecture");
    // What other nodes would take need not be known here; the first entry of this one counts.
    if (ArchFromOci(arch.node->scalar) != node_.arch || !archs.empty()) continue;
    archs.push_back(node_.arch);
    for (std::size_t s = 0; s < subs.size(); ++s) {
      const Path sub_path = item_path.Key(fields[kSubArchitectures].key);
      if (const auto sub = ArchFromOci(subs[s])) {
        archs.push_back(*sub);
      } else {
        read_.Add(codes::kUnknownArch, fields[kSubArchitectures].node->items[s], sub_path.Index(s),
                  fmt::format("unknown architecture {}", Quoted(subs[s])));
      }
    }
  }
  return archs;
}

std::string DockerFields::NodeText() const {
  std::string out(DisplayName(node_.arch));
  if (node_.kernel_major != 0) {
    out += fmt::format(", kernel {}.{}", node_.kernel_major, node_.kernel_minor);
  }
  if (!node_.capabilities) return out + " and the default capabilities";
  if (node_.capabilities->empty()) return out + " and no capabilities";
  return out + " and the given " +
         (node_.capabilities->size() == 1 ? "capability" : "capabilities");
}

void DockerFields::Report() {
  constexpr std::array<std::string_view, kDecidedCount> kNames{"archMap", "name", "errno",
                                                               "includes", "excludes"};
  for (std::size_t i = 0; i < kDecidedCount; ++i) {
    const Seen& seen = seen_[i];
    if (seen.times == 0) continue;
    std::string effect;
    if (i == kIncludes || i == kExcludes) {
      effect = fmt::format(" ({}, {} left out)", Times(seen.times, "rule"), seen.left_out);
    } else if (seen.times > 1) {
      effect = fmt::format(" ({})", Times(seen.times, "time"));
    }
    sink_.Add(codes::kDockerResolved, seen.pointer,
              fmt::format("'{}' is a field of Docker's and CRI-O's format that containerd ignores; "
                          "it is resolved here for {}{}, so install the rendering and not this "
                          "text",
                          kNames[i], NodeText(), effect),
              seen.line, seen.column);
  }
}

}  // namespace seccompd::seccomp
