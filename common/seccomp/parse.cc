// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/seccomp/diagnose_rules.h"
#include "common/seccomp/docker_fields.h"
#include "common/seccomp/object_reader.h"
#include "common/seccomp/profile_keys.h"
#include "common/seccomp/profile_reader.h"
#include "common/seccomp/profile_text.h"

namespace seccompd::seccomp {
namespace {

using document::Kind;
using document::Node;

constexpr std::uint32_t kMaxErrno = 4095;        // MAX_ERRNO: the kernel caps what is above
constexpr std::uint32_t kMaxTraceData = 0xffff;  // SECCOMP_RET_DATA

class ProfileReader {
 public:
  // Without a node Docker's fields are errors.
  ProfileReader(const ProfileLimits& limits, const NodeFacts* node, const Profile* base,
                DiagnosticSink& sink)
      : limits_(limits), sink_(sink), read_(sink), base_(base) {
    if (node != nullptr) docker_.emplace(*node, read_, sink_);
  }

  std::optional<Profile> Read(const Node& root);

 private:
  void ReadProfile(const Node& root, const Path& path);
  void ReadArchitectures(const Node& node, const Path& path);
  void ReadFlags(const Node& node, const Path& path);
  void ReadRules(const Node& node, const Path& path);
  void ReadRule(const Node& node, const Path& path);
  void ReadNames(const Field& field, const Node& rule, const Path& path, SyscallRule& out);
  void ReadArgs(const Node& node, const Path& path, SyscallRule& out);
  ArgCondition ReadArg(const Node& node, const Path& path);
  std::optional<ActionKind> ReadAction(const Field& field, const Path& path);
  std::optional<std::uint32_t> ReadErrno(const Field& number, const Field& name,
                                         std::optional<ActionKind> action, const Path& path);
  void ReadRuleNames(const std::vector<Field>& fields, const Node& rule, const Path& path,
                     SyscallRule& out);
  std::string ReadString(const Field& field, const Path& path);
  void RefuseDocker(const Field& field, const Path& path);
  void Missing(const Node& object, const Path& path, std::string_view what);
  bool WithinLimit(std::size_t& used, std::size_t more, std::size_t limit, const Node& node,
                   const Path& path, std::string_view what);

  const ProfileLimits limits_;
  DiagnosticSink& sink_;
  ObjectReader read_;
  std::optional<DockerFields> docker_;
  const Profile* base_;  // null: none
  Profile profile_;
  std::size_t names_ = 0;
  std::size_t args_ = 0;
  std::size_t conditions_ = 0;
};

void ProfileReader::Missing(const Node& object, const Path& path, std::string_view what) {
  read_.Add(codes::kMissingField, object, path, fmt::format("{} is missing; add it", what));
}

bool ProfileReader::WithinLimit(std::size_t& used, std::size_t more, std::size_t limit,
                                const Node& node, const Path& path, std::string_view what) {
  if (more <= limit - used) {
    used += more;
    return true;
  }
  read_.Add(codes::kTooLarge, node, path,
            fmt::format("more than {} {} in one profile; the kernel takes 4096 instructions", limit,
                        what));
  used = limit;
  return false;
}

void ProfileReader::RefuseDocker(const Field& field, const Path& path) {
  if (!field) return;
  const std::string folded = FoldKey(field.key);
  const auto found = std::find_if(kDockerAdvice.begin(), kDockerAdvice.end(),
                                  [&](const DockerAdvice& a) { return FoldKey(a.key) == folded; });
  read_.Add(
      codes::kDockerField, *field.node, path.Key(field.key),
      fmt::format("'{}' is a field of Docker's and CRI-O's format that containerd ignores, so "
                  "the filter would not be the one written; {}",
                  found->key, found->advice));
}

std::string ProfileReader::ReadString(const Field& field, const Path& path) {
  if (!field || !read_.Expect(*field.node, Kind::kString, path.Key(field.key), field.key))
    return {};
  return field.node->scalar;
}

std::optional<ActionKind> ProfileReader::ReadAction(const Field& field, const Path& path) {
  const Path key_path = path.Key(field.key);
  if (!read_.Expect(*field.node, Kind::kString, key_path, field.key)) return std::nullopt;
  const std::string& name = field.node->scalar;
  const auto action = ActionFromOci(name);
  if (!action) {
    read_.Add(codes::kUnknownAction, *field.node, key_path,
              fmt::format("unknown action {}{}", Quoted(name),
                          Suggestion(name, kActionNames, "SCMP_ACT_")));
  }
  return action;
}

// `name` is Docker's errno by name, which wins as in CRI-O.
std::optional<std::uint32_t> ProfileReader::ReadErrno(const Field& number, const Field& name,
                                                      std::optional<ActionKind> action,
                                                      const Path& path) {
  if (!docker_) RefuseDocker(name, path);
  const bool by_name = docker_ && name;
  const Field& field = by_name ? name : number;
  if (!field) return std::nullopt;
  const Path key_path = path.Key(field.key);
  const auto value =
      by_name ? docker_->ReadErrno(field, path) : read_.Unsigned(*field.node, key_path, field.key);
  if (!value || !action) return std::nullopt;
  if (!HasData(*action)) {
    read_.Add(codes::kErrnoNotApplicable, *field.node, key_path,
              fmt::format("{} has a meaning with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not with "
                          "{}; remove it",
                          field.key, OciName(*action)));
    return std::nullopt;
  }
  const std::uint32_t max = *action == ActionKind::kErrno ? kMaxErrno : kMaxTraceData;
  if (*value > max) {
    read_.Add(codes::kErrnoRange, *field.node, key_path,
              fmt::format("{} is {}, but with {} it can be 0 to {}", field.key, *value,
                          OciName(*action), max));
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*value);
}

void ProfileReader::ReadArchitectures(const Node& node, const Path& path) {
  if (!read_.Expect(node, Kind::kArray, path, "architectures")) return;
  constexpr std::size_t kMaxListed = 64;
  std::size_t listed = 0;
  if (!WithinLimit(listed, node.items.size(), kMaxListed, node, path, "architectures")) return;
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < kArchCount; ++i) known.push_back(OciName(static_cast<Arch>(i)));
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const Path item_path = path.Index(i);
    if (!read_.Expect(item, Kind::kString, item_path, "an architecture")) continue;
    if (const auto arch = ArchFromOci(item.scalar)) {
      profile_.architectures.push_back(*arch);
      continue;
    }
    const auto by_name = ArchFromName(item.scalar);
    read_.Add(codes::kUnknownArch, item, item_path,
              fmt::format("unknown architecture {}{}", Quoted(item.scalar),
                          by_name ? fmt::format("; did you mean {}?", OciName(*by_name))
                                  : Suggestion(item.scalar, known, "SCMP_ARCH_")));
  }
}

void ProfileReader::ReadFlags(const Node& node, const Path& path) {
  if (!read_.Expect(node, Kind::kArray, path, "flags")) return;
  constexpr std::size_t kMaxListed = 64;
  std::size_t listed = 0;
  if (!WithinLimit(listed, node.items.size(), kMaxListed, node, path, "flags")) return;
  std::vector<FilterFlag>& flags = profile_.flags.emplace();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const Path item_path = path.Index(i);
    if (!read_.Expect(item, Kind::kString, item_path, "a flag")) continue;
    if (const auto flag = FilterFlagFromOci(item.scalar)) {
      flags.push_back(*flag);
      continue;
    }
    read_.Add(codes::kUnknownFlag, item, item_path,
              fmt::format("unknown flag {}{}", Quoted(item.scalar),
                          Suggestion(item.scalar, kFlagNames, "SECCOMP_FILTER_FLAG_")));
  }
}

void ProfileReader::ReadNames(const Field& field, const Node& rule, const Path& path,
                              SyscallRule& out) {
  if (!field) return Missing(rule, path, "names, the list of system calls,");
  const Path list_path = path.Key(field.key);
  const Node& node = *field.node;
  if (!read_.Expect(node, Kind::kArray, list_path, "names")) return;
  if (node.items.empty()) return Missing(node, list_path, "a name in the list");
  if (!WithinLimit(names_, node.items.size(), limits_.names, node, list_path, "names")) return;
  out.names.reserve(node.items.size());
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const Path item_path = list_path.Index(i);
    if (!read_.Expect(item, Kind::kString, item_path, "a system call name")) continue;
    if (item.scalar.empty()) {
      read_.Add(codes::kEmptyName, item, item_path, "an empty system call name; remove it");
      continue;
    }
    out.names.push_back(item.scalar);
  }
}

ArgCondition ProfileReader::ReadArg(const Node& node, const Path& path) {
  ArgCondition out;
  if (!read_.Expect(node, Kind::kObject, path, "an argument condition")) return out;
  const std::vector<Field> fields = read_.Fields(node, path, kArgKeys);
  for (const ArgKey key : {kIndex, kValue, kOp}) {
    if (!fields[key]) Missing(node, path, kArgKeys[key].name);
  }
  const auto number = [&](ArgKey key) -> std::uint64_t {
    const Field& field = fields[key];
    if (!field) return 0;
    return read_.Unsigned(*field.node, path.Key(field.key), field.key).value_or(0);
  };
  constexpr std::uint64_t kMaxIndex = 5;
  const std::uint64_t index = number(kIndex);
  if (index > kMaxIndex) {
    read_.Add(codes::kArgumentIndex, *fields[kIndex].node, path.Key(fields[kIndex].key),
              fmt::format("argument index {}, but system calls have arguments 0 to 5", index));
  }
  out.index = static_cast<std::uint32_t>(std::min(index, kMaxIndex));
  out.value = number(kValue);
  out.value_two = number(kValueTwo);
  const Field& op = fields[kOp];
  if (!op || !read_.Expect(*op.node, Kind::kString, path.Key(op.key), op.key)) return out;
  if (const auto parsed = CompareOpFromOci(op.node->scalar)) {
    out.op = *parsed;
  } else {
    read_.Add(codes::kUnknownOperator, *op.node, path.Key(op.key),
              fmt::format("unknown operator {}{}", Quoted(op.node->scalar),
                          Suggestion(op.node->scalar, kOperatorNames, "SCMP_CMP_")));
  }
  return out;
}

void ProfileReader::ReadArgs(const Node& node, const Path& path, SyscallRule& out) {
  if (!read_.Expect(node, Kind::kArray, path, "args")) return;
  if (!WithinLimit(args_, node.items.size(), limits_.args, node, path, "argument conditions")) {
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    out.args.push_back(ReadArg(node.items[i], path.Index(i)));
  }
}

void ProfileReader::ReadRuleNames(const std::vector<Field>& fields, const Node& rule,
                                  const Path& path, SyscallRule& out) {
  RefuseDocker(fields[kMinKernel], path);
  if (!docker_) {
    for (const RuleKey key : {kIncludes, kExcludes}) RefuseDocker(fields[key], path);
  }
  const Field& names = fields[kNames];
  const bool listed =
      names && (names.node->kind != Kind::kArray || !names.node->items.empty() || !docker_);
  if (!fields[kName]) return ReadNames(names, rule, path, out);
  if (listed) {
    read_.Add(codes::kNameAndNames, *fields[kName].node, path.Key(fields[kName].key),
              "a rule has either name or names, not both; put all of them in names");
    ReadNames(names, rule, path, out);
  } else if (!docker_) {
    RefuseDocker(fields[kName], path);
  } else if (WithinLimit(names_, 1, limits_.names, rule, path, "names")) {
    out.names.push_back(docker_->ReadName(fields[kName], path));
  }
}

void ProfileReader::ReadRule(const Node& node, const Path& path) {
  SyscallRule rule;
  if (!read_.Expect(node, Kind::kObject, path, "a rule")) {
    profile_.syscalls.emplace_back();  // keeps the indexes of the others
    return;
  }
  const std::vector<Field> fields = read_.Fields(node, path, kRuleKeys);
  ReadRuleNames(fields, node, path, rule);
  std::optional<ActionKind> action;
  if (fields[kAction]) {
    action = ReadAction(fields[kAction], path);
  } else {
    Missing(node, path, "action");
  }
  rule.action = action.value_or(ActionKind::kKillProcess);
  rule.errno_ret = ReadErrno(fields[kErrnoRet], fields[kErrno], action, path);
  if (fields[kArgs]) {
    const Path args_path = path.Key(fields[kArgs].key);
    ReadArgs(*fields[kArgs].node, args_path, rule);
    WithinLimit(conditions_, rule.names.size() * rule.args.size(), limits_.conditions,
                *fields[kArgs].node, args_path, "argument conditions over all names");
  }
  // A rule that does not count here keeps its place, without names, until all is diagnosed.
  if (docker_ && !docker_->Applies(fields[kIncludes], fields[kExcludes], path)) rule = {};
  profile_.syscalls.push_back(std::move(rule));
}

void ProfileReader::ReadRules(const Node& node, const Path& path) {
  if (!read_.Expect(node, Kind::kArray, path, "syscalls")) return;
  std::size_t rules = 0;
  if (!WithinLimit(rules, node.items.size(), limits_.rules, node, path, "rules")) return;
  profile_.syscalls.reserve(node.items.size());
  for (std::size_t i = 0; i < node.items.size(); ++i) ReadRule(node.items[i], path.Index(i));
}

void ProfileReader::ReadProfile(const Node& root, const Path& path) {
  const std::vector<Field> fields = read_.Fields(root, path, kProfileKeys);
  const Field& rules = fields[kSyscalls];
  const bool no_rules = !rules || (rules.node->kind == Kind::kArray && rules.node->items.empty());
  if (base_ != nullptr) {
    if (no_rules) Missing(root, path, "a rule that wins over the base's");
  } else if (!fields[kDefaultAction] && no_rules) {
    ReportEmpty(root, sink_);
  } else if (!fields[kDefaultAction]) {
    Missing(root, path, "defaultAction");
  }
  if (fields[kArchMap] && fields[kArchitectures]) {
    read_.Add(codes::kArchitecturesAndArchMap, *fields[kArchMap].node,
              path.Key(fields[kArchMap].key),
              "a profile has either architectures or archMap, not both; keep architectures");
  } else if (docker_ && fields[kArchMap]) {
    profile_.architectures = docker_->ReadArchMap(fields[kArchMap], path);
  } else {
    RefuseDocker(fields[kArchMap], path);
  }
  std::optional<ActionKind> action;
  if (fields[kDefaultAction]) {
    action = ReadAction(fields[kDefaultAction], path);
  } else if (base_ != nullptr) {
    action = base_->default_action;
  }
  profile_.default_action = action.value_or(ActionKind::kKillProcess);
  profile_.default_errno_ret =
      ReadErrno(fields[kDefaultErrnoRet], fields[kDefaultErrno], action, path);
  const auto list_path = [&](ProfileKey key) { return path.Key(fields[key].key); };
  if (const Field& f = fields[kArchitectures])
    ReadArchitectures(*f.node, list_path(kArchitectures));
  if (const Field& f = fields[kFlags]) ReadFlags(*f.node, list_path(kFlags));
  profile_.listener_path = ReadString(fields[kListenerPath], path);
  profile_.listener_metadata = ReadString(fields[kListenerMetadata], path);
  if (rules) ReadRules(*rules.node, list_path(kSyscalls));
  if (base_ == nullptr) return;
  const bool with_default =
      fields[kDefaultAction] || fields[kDefaultErrnoRet] || fields[kDefaultErrno];
  const bool with_archs = fields[kArchitectures] || fields[kArchMap];
  TakeFromBase(*base_, {.default_action = with_default, .architectures = with_archs}, profile_,
               sink_);
}

std::optional<Profile> ProfileReader::Read(const Node& root) {
  const Path path;
  if (root.kind == Kind::kNull) {
    ReportEmpty(root, sink_);
  } else if (read_.Expect(root, Kind::kObject, path, "a profile")) {
    ReadProfile(root, path);
    DiagnoseNotify(profile_, sink_);
    if (docker_) docker_->Report();
  }
  if (sink_.HasErrors()) return std::nullopt;
  return std::move(profile_);
}

}  // namespace

ParsedProfile ParseProfile(std::string_view text, const ProfileLimits& limits) {
  auto root = ReadProfileText(text, limits);
  if (root) return ParseProfile(*root, limits);
  ParsedProfile out;
  out.diagnostics.push_back(std::move(root).error());
  return out;
}

ParsedProfile ParseProfile(const document::Node& node, const ProfileLimits& limits) {
  DiagnosticSink sink = SinkFor(node);
  ParsedProfile out;
  out.profile = ReadProfile(node, limits, nullptr, sink);
  out.diagnostics = sink.Take();
  return out;
}

std::optional<Profile> ReadProfile(const document::Node& root, const ProfileLimits& limits,
                                   const NodeFacts* node, DiagnosticSink& sink,
                                   const Profile* base) {
  return ProfileReader(limits, node, base, sink).Read(root);
}

DiagnosticSink SinkFor(const document::Node& root) {
  return DiagnosticSink([&root](Diagnostic& diagnostic) {
    const Node& node = Locate(root, diagnostic.pointer);
    diagnostic.line = node.line;
    diagnostic.column = node.column;
  });
}

}  // namespace seccompd::seccomp
