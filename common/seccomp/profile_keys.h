// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "common/seccomp/object_reader.h"

namespace seccompd::seccomp {

// The words of the profile schema, as parse.cc takes and suggests them. Internal to seccomp/.
inline constexpr auto kActionNames = std::to_array<std::string_view>(
    {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
     "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"});
inline constexpr auto kOperatorNames =
    std::to_array<std::string_view>({"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
                                     "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"});
inline constexpr auto kFlagNames = std::to_array<std::string_view>(
    {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"});

// The keys of specs-go LinuxSeccomp, then Docker's and CRI-O's. The enums index the arrays.
enum ProfileKey : std::size_t {
  kDefaultAction,
  kDefaultErrnoRet,
  kArchitectures,
  kFlags,
  kListenerPath,
  kListenerMetadata,
  kSyscalls,
  kProfileComment,
  kDefaultErrno,
  kArchMap,
};
inline constexpr auto kProfileKeys = std::to_array<KeySpec>({
    {"defaultAction"},
    {"defaultErrnoRet"},
    {"architectures"},
    {"flags"},
    {"listenerPath"},
    {"listenerMetadata"},
    {"syscalls", KeyUse::kMergedList},
    {"comment", KeyUse::kComment},
    {"defaultErrno", KeyUse::kDocker},
    {"archMap", KeyUse::kDocker},
});
enum RuleKey : std::size_t {
  kNames,
  kAction,
  kErrnoRet,
  kArgs,
  kRuleComment,
  kName,
  kErrno,
  kIncludes,
  kExcludes,
  kMinKernel,
};
inline constexpr auto kRuleKeys = std::to_array<KeySpec>({
    {"names"},
    {"action"},
    {"errnoRet"},
    {"args", KeyUse::kMergedList},
    {"comment", KeyUse::kComment},
    {"name", KeyUse::kDocker},
    {"errno", KeyUse::kDocker},
    {"includes", KeyUse::kDocker},
    {"excludes", KeyUse::kDocker},
    {"minKernel", KeyUse::kDocker},
});
enum ArgKey : std::size_t { kIndex, kValue, kValueTwo, kOp };
inline constexpr auto kArgKeys =
    std::to_array<KeySpec>({{"index"}, {"value"}, {"valueTwo"}, {"op"}});

// Of includes and excludes, and of an entry of archMap.
enum FilterKey : std::size_t { kCaps, kArches, kFilterMinKernel };
inline constexpr auto kFilterKeys = std::to_array<KeySpec>({{"caps"}, {"arches"}, {"minKernel"}});
enum ArchMapKey : std::size_t { kMapArchitecture, kSubArchitectures };
inline constexpr auto kArchMapKeys =
    std::to_array<KeySpec>({{"architecture"}, {"subArchitectures"}});

struct DockerAdvice {
  std::string_view key;
  std::string_view advice;
};
inline constexpr auto kDockerAdvice = std::to_array<DockerAdvice>({
    {"defaultErrno", "write the number as defaultErrnoRet"},
    {"archMap", "list the architectures in 'architectures'"},
    {"name", "write names: [...]"},
    {"errno", "write the number as errnoRet"},
    {"includes", "remove it, and the rule too where it should not apply"},
    {"excludes", "remove it, and the rule too where it should not apply"},
    {"minKernel", "it counts in includes and excludes only; move it there"},
});

}  // namespace seccompd::seccomp
