// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/containerd_view.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/document/document.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/profile_text.h"

namespace seccompd::seccomp {
namespace {

using document::Kind;
using document::Member;
using document::Node;

constexpr auto kProfileFields = std::to_array<std::string_view>({"archMap", "defaultErrno"});
constexpr auto kRuleFields =
    std::to_array<std::string_view>({"name", "errno", "includes", "excludes", "minKernel"});

// encoding/json takes keys in any case.
bool SameKey(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

template <std::size_t kSize>
void Drop(Node& object, const std::array<std::string_view, kSize>& fields,
          std::vector<std::string>& ignored) {
  const auto known = [&](const Member& member) {
    const auto field = std::find_if(fields.begin(), fields.end(), [&](std::string_view name) {
      return SameKey(member.key, name);
    });
    if (field == fields.end()) return false;
    if (std::find(ignored.begin(), ignored.end(), *field) == ignored.end()) {
      ignored.emplace_back(*field);
    }
    return true;
  };
  std::erase_if(object.members, known);
}

bool HasNames(const Node& rule) {
  return std::any_of(rule.members.begin(), rule.members.end(), [](const Member& member) {
    return SameKey(member.key, "names") && member.value.kind == Kind::kArray &&
           !member.value.items.empty();
  });
}

}  // namespace

std::optional<ContainerdView> AsContainerdReads(std::string_view text) {
  auto document = ReadProfileText(text, {});
  if (!document || document->kind != Kind::kObject) return std::nullopt;
  std::vector<std::string> ignored;
  Drop(*document, kProfileFields, ignored);
  for (Member& member : document->members) {
    if (!SameKey(member.key, "syscalls") || member.value.kind != Kind::kArray) continue;
    for (Node& rule : member.value.items) Drop(rule, kRuleFields, ignored);
    std::erase_if(member.value.items, [](const Node& rule) { return !HasNames(rule); });
  }
  if (ignored.empty()) return std::nullopt;
  ParsedProfile parsed = ParseProfile(*document);
  if (!parsed.profile) return std::nullopt;
  return ContainerdView{.profile = *std::move(parsed.profile), .ignored = std::move(ignored)};
}

}  // namespace seccompd::seccomp
