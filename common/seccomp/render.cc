// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/render.h"

#include <fmt/format.h>

#include <iterator>

#include "common/base/strings.h"

namespace seccompd::seccomp {
namespace {

std::string String(std::string_view text) { return "\"" + base::EscapeJson(text) + "\""; }

template <class Range, class Spell>
std::string List(const Range& range, const Spell& spell) {
  std::string out = "[";
  for (const auto& item : range) {
    if (out.size() > 1) out += ", ";
    out += spell(item);
  }
  return out + "]";
}

std::string Condition(const ArgCondition& arg) {
  std::string out = fmt::format(R"({{"index": {}, "value": {})", arg.index, arg.value);
  if (arg.value_two != 0 || arg.op == CompareOp::kMaskedEq) {
    out += fmt::format(R"(, "valueTwo": {})", arg.value_two);
  }
  return out + fmt::format(R"(, "op": "{}"}})", OciName(arg.op));
}

std::string Rule(const SyscallRule& rule) {
  std::string out = fmt::format(R"({{"names": {}, "action": "{}")", List(rule.names, String),
                                OciName(rule.action));
  if (rule.errno_ret) out += fmt::format(R"(, "errnoRet": {})", *rule.errno_ret);
  if (!rule.args.empty()) out += R"(, "args": )" + List(rule.args, Condition);
  return out + "}";
}

}  // namespace

std::string RenderOci(const Profile& profile) {
  const auto quoted_name = [](auto value) { return String(OciName(value)); };
  std::string out = fmt::format("{{\n  \"defaultAction\": \"{}\"", OciName(profile.default_action));
  const auto add = [&out](std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), ",\n  \"{}\": {}", key, value);
  };
  if (profile.default_errno_ret) add("defaultErrnoRet", std::to_string(*profile.default_errno_ret));
  if (!profile.architectures.empty()) {
    add("architectures", List(profile.architectures, quoted_name));
  }
  if (profile.flags) add("flags", List(*profile.flags, quoted_name));
  if (!profile.listener_path.empty()) add("listenerPath", String(profile.listener_path));
  if (!profile.listener_metadata.empty()) {
    add("listenerMetadata", String(profile.listener_metadata));
  }
  std::string rules;
  for (const SyscallRule& rule : profile.syscalls) {
    rules += (rules.empty() ? "\n    " : ",\n    ") + Rule(rule);
  }
  if (!rules.empty()) add("syscalls", "[" + rules + "\n  ]");
  return out + "\n}\n";
}

}  // namespace seccompd::seccomp
