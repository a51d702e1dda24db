// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/compile.h"

#include <fmt/format.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/bpf/compile_limits.h"
#include "common/bpf/runc_stub.h"
#include "common/seccomp/condition.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::bpf {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using seccomp::Action;
using seccomp::ArgCondition;
using seccomp::Profile;
using seccomp::SyscallRule;

struct Release {
  void operator()(std::remove_pointer_t<scmp_filter_ctx>* context) const {
    seccomp_release(context);
  }
};
using Context = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

// An errno that libseccomp returns, as it means it (seccomp_rule_add(3), seccomp_arch_add(3)).
std::string_view Explain(int error) {
  switch (error) {
    case EEXIST:
      return "another rule gives the same condition another action";
    case EDOM:
      return "its byte order is not this machine's";
    case ENOMEM:
      return "not enough memory";
    case EINVAL:
      return "this libseccomp does not know it";
    case EFAULT:
      return "internal libseccomp failure";
    default:
      return strerrordesc_np(error);
  }
}

Result<> Refused(std::string_view what, int rc) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("libseccomp refuses {}: {}", what, Explain(-rc)));
}

scmp_compare ToScmp(seccomp::CompareOp op) {
  switch (op) {
    case seccomp::CompareOp::kNe:
      return SCMP_CMP_NE;
    case seccomp::CompareOp::kLt:
      return SCMP_CMP_LT;
    case seccomp::CompareOp::kLe:
      return SCMP_CMP_LE;
    case seccomp::CompareOp::kEq:
      return SCMP_CMP_EQ;
    case seccomp::CompareOp::kGe:
      return SCMP_CMP_GE;
    case seccomp::CompareOp::kGt:
      return SCMP_CMP_GT;
    case seccomp::CompareOp::kMaskedEq:
      break;
  }
  return SCMP_CMP_MASKED_EQ;
}

scmp_arg_cmp ToScmp(const ArgCondition& arg) {
  return {.arg = arg.index, .op = ToScmp(arg.op), .datum_a = arg.value, .datum_b = arg.value_two};
}

// The kernel's numbers for the actions are libseccomp's too, but for its two kills.
std::uint32_t ToScmp(Action action) {
  switch (action.kind) {
    case seccomp::ActionKind::kKillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case seccomp::ActionKind::kKillThread:
      return SCMP_ACT_KILL_THREAD;
    default:
      return seccomp::ToReturnValue(action);
  }
}

Result<> SetArchs(const Context& context, const Profile& profile, seccomp::Arch native) {
  const auto add = [&](seccomp::Arch arch) -> Result<> {
    const int rc = seccomp_arch_add(context.get(), seccomp::LibseccompToken(arch));
    if (rc == 0 || rc == -EEXIST) return {};
    return Refused(OciName(arch), rc);
  };
  const std::uint32_t token = seccomp::LibseccompToken(native);
  if (token != seccomp_arch_native()) {
    TRY(add(native));
    const int rc = seccomp_arch_remove(context.get(), SCMP_ARCH_NATIVE);
    if (rc != 0) return Refused("to leave out the native architecture", rc);
  }
  for (const seccomp::Arch arch : profile.architectures) TRY(add(arch));
  return {};
}

// Adds one libseccomp rule per conjunction of the rule and one name.
Result<> AddRule(const Context& context, const SyscallRule& rule, std::size_t index,
                 const std::string& name, std::uint32_t action) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return {};  // unknown to this libseccomp: no effect, as in runc
  const auto refused = [&](int rc) {
    return Refused(fmt::format("/syscalls/{} for '{}'", index, base::Printable(name)), rc);
  };
  std::vector<scmp_arg_cmp> args;
  for (const ArgCondition& arg : rule.args) args.push_back(ToScmp(arg));
  if (!seccomp::RepeatsIndex(rule)) {
    const int rc = seccomp_rule_add_array(context.get(), action, number,
                                          static_cast<unsigned>(args.size()), args.data());
    return rc == 0 ? Result<>() : refused(rc);
  }
  for (const scmp_arg_cmp& arg : args) {
    const int rc = seccomp_rule_add_array(context.get(), action, number, 1, &arg);
    if (rc != 0) return refused(rc);
  }
  return {};
}

Result<> AddRules(const Context& context, const Profile& profile) {
  const Action default_action =
      seccomp::EffectiveAction(profile.default_action, profile.default_errno_ret);
  std::unordered_map<std::string_view, Action> unconditional;  // the first of each call
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const SyscallRule& rule = profile.syscalls[i];
    const Action action = seccomp::EffectiveAction(rule.action, rule.errno_ret);
    if (action == default_action) continue;
    for (const std::string& name : rule.names) {
      if (rule.args.empty()) {
        // The same again changes nothing, but costs libseccomp a walk over every architecture.
        const auto [first, added] = unconditional.try_emplace(name, action);
        if (!added && first->second == action) continue;
      }
      TRY(AddRule(context, rule, i, name, ToScmp(action)));
    }
  }
  return {};
}

Result<Program> Export(const Context& context) {
  const base::UniqueFd fd(memfd_create("seccomp.bpf", MFD_CLOEXEC));
  if (!fd.valid()) return Fail(base::ErrnoError(errno, "memfd_create"));
  const int rc = seccomp_export_bpf(context.get(), fd.get());
  if (rc != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("libseccomp cannot generate the filter: {}", Explain(-rc)));
  }
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return Fail(base::ErrnoError(errno, "lseek on the exported filter"));
  const std::size_t count = static_cast<std::size_t>(size) / sizeof(Instruction);
  if (count == 0 || count > kMaxInstructions) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the filter has {} instructions, the kernel takes 1 to {}; use fewer "
                            "rules or architectures",
                            count, kMaxInstructions));
  }
  Program program(count);
  std::size_t done = 0;
  const std::size_t bytes = count * sizeof(Instruction);
  while (done < bytes) {
    const ssize_t n = pread(fd.get(), reinterpret_cast<char*>(program.data()) + done, bytes - done,
                            static_cast<off_t>(done));
    if (n <= 0) return Fail(base::ErrnoError(n < 0 ? errno : EIO, "read the exported filter"));
    done += static_cast<std::size_t>(n);
  }
  return program;
}

}  // namespace

Result<Program> Compile(const Profile& profile, seccomp::Arch native) {
  TRY(CheckComplexity(profile));
  const Action default_action =
      seccomp::EffectiveAction(profile.default_action, profile.default_errno_ret);
  // LOG and NOTIFY exist from these levels on; without this libseccomp asks the running kernel,
  // which need not be the one the filter is for.
  constexpr unsigned kApiLevel = 6;
  if (seccomp_api_get() < kApiLevel) (void)seccomp_api_set(kApiLevel);
  const Context context(seccomp_init(ToScmp(default_action)));
  if (context == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("libseccomp refuses the default action {}",
                                                         DisplayName(default_action)));
  }
  TRY(SetArchs(context, profile, native));
  const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  if (rc != 0) return Fail(ErrorCode::kInternal, "libseccomp refuses CTL_NNP");
  TRY(AddRules(context, profile));
  return Export(context);
}

std::string_view Name(Runtime runtime) { return runtime == Runtime::kRunc ? "runc" : "crun"; }

Result<Program> CompileFor(Runtime runtime, const Profile& profile, seccomp::Arch native,
                           const seccomp::SyscallTable& table, const RuncStub& version) {
  TRY_ASSIGN(Program program, Compile(profile, native));
  if (runtime != Runtime::kRunc) return program;
  return WithRuncStub(program, LastSyscalls(profile, native, table, version), version);
}

Result<> CheckCompiles(const Profile& profile, seccomp::Arch native) {
  // libseccomp keeps one tree per call, so calls without conditions can neither fail nor make
  // others fail; only their number counts. That leaves little to compile. Calls that some
  // architectures multiplex do get a condition there (on the number of the sub-call).
  std::unordered_set<std::string_view> conditional;
  for (const SyscallRule& rule : profile.syscalls) {
    for (const std::string& name : rule.names) {
      const bool multiplexed =
          seccomp::IsMultiplexed(name) || name == "socketcall" || name == "ipc";
      if (!rule.args.empty() || multiplexed) conditional.insert(name);
    }
  }
  Profile reduced = profile;
  std::unordered_set<std::string_view> plain;
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    for (const std::string& name : profile.syscalls[i].names) {
      if (!conditional.contains(name)) plain.insert(name);
    }
    std::erase_if(reduced.syscalls[i].names,
                  [&](const std::string& name) { return !conditional.contains(name); });
  }
  TRY_ASSIGN(const Program program, Compile(reduced, native));
  // One comparison a call and architecture, and a long jump now and then: at most a quarter more.
  const std::size_t archs = profile.architectures.size() + 1;
  const std::size_t most = program.size() + plain.size() * archs * 5 / 4;
  if (most <= kMaxInstructions) return {};
  TRY(Compile(profile, native));
  return {};
}

std::string LibseccompVersion() {
  const scmp_version* version = seccomp_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->micro);
}

}  // namespace seccompd::bpf
