// SPDX-License-Identifier: Apache-2.0
#include "agent/version.h"

#include <fmt/ostream.h>
#include <sys/utsname.h>

#include <boost/version.hpp>
#include <fstream>

#include "agent/confinement/confinement.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/filters/filter_reader.h"

namespace seccompd::agent {
namespace {

std::size_t OwnFilterSize() {
  const auto program = bpf::Compile(OwnProfile({}), seccomp::NativeArch());
  return program ? program->size() : 0;
}

std::string StatusEvidence(const KernelSupport& kernel) {
  if (!kernel.seccomp_filter) return "no: this kernel has no seccomp filters";
  if (!kernel.filter_count) return "yes, without the number of filters (needs Linux 5.9)";
  return "yes";
}

// What the running agent takes upon itself here.
std::string OwnConfinement(const KernelSupport& kernel) {
  const std::string landlock = kernel.landlock_abi == 0
                                   ? std::string("no Landlock")
                                   : fmt::format("Landlock ABI {}", kernel.landlock_abi);
  return fmt::format("own filter of {} instructions · {}", OwnFilterSize(), landlock);
}

std::string FilterEvidence(const KernelSupport& kernel) {
  if (!kernel.no_filter_evidence) return "not tried";
  return kernel.no_filter_evidence->empty() ? "yes" : "no: " + *kernel.no_filter_evidence;
}

}  // namespace

KernelSupport ReadKernelSupport() {
  KernelSupport kernel;
  utsname names{};
  if (::uname(&names) == 0) kernel.release = names.release;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    kernel.seccomp_filter = kernel.seccomp_filter || line.starts_with("Seccomp:");
    kernel.filter_count = kernel.filter_count || line.starts_with("Seccomp_filters:");
  }
  kernel.landlock_abi = KernelLandlockAbi();
  return kernel;
}

void TryFilterEvidence(KernelSupport* kernel) {
  auto reader = filters::FilterReader::Open();
  if (!reader) {
    kernel->no_filter_evidence = reader.error().message;
    return;
  }
  const auto tested = reader->SelfTestWithoutCapabilities();
  kernel->no_filter_evidence = tested ? std::string() : tested.error().message;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> ParseKernelVersion(
    std::string_view release) {
  const auto number = [](std::string_view text) {
    return base::ParseInt<std::uint32_t>(text.substr(0, text.find_first_not_of("0123456789")));
  };
  const auto pieces = base::Split(release, '.');
  if (pieces.size() < 2) return std::nullopt;
  const auto major = number(pieces[0]);
  const auto minor = number(pieces[1]);
  if (!major || !minor) return std::nullopt;
  return std::pair(*major, *minor);
}

std::string AgentVersion() { return SECCOMPD_VERSION; }
std::string AgentRevision() { return SECCOMPD_REVISION; }
std::string AgentCompiler() { return SECCOMPD_COMPILER; }

int Version(bool json, const KernelSupport& kernel, std::ostream& out) {
  const std::string boost = fmt::format("{}.{}.{}", BOOST_VERSION / 100000,
                                        BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
  if (json) {
    fmt::print(out,
               R"({{"version":"{}","compiler":"{}","libseccomp":"{}","boost":"{}","kernel":"{}",)"
               R"("evidence":{{"status":"{}","filter":"{}"}},"landlock_abi":{},)"
               R"("own_filter_instructions":{}}})"
               "\n",
               AgentVersion(), base::EscapeJson(SECCOMPD_COMPILER), bpf::LibseccompVersion(), boost,
               base::EscapeJson(kernel.release), base::EscapeJson(StatusEvidence(kernel)),
               base::EscapeJson(FilterEvidence(kernel)), kernel.landlock_abi, OwnFilterSize());
    return 0;
  }
  fmt::print(out, "seccompd {}\n", AgentVersion());
  fmt::print(out, "compiler         {}\n", SECCOMPD_COMPILER);
  fmt::print(out, "libraries        libseccomp {} · boost {}\n", bpf::LibseccompVersion(), boost);
  fmt::print(out, "kernel           {}\n", kernel.release);
  fmt::print(out, "evidence status  {}\n", StatusEvidence(kernel));
  fmt::print(out, "evidence filter  {}\n", FilterEvidence(kernel));
  fmt::print(out, "confinement      {}\n", OwnConfinement(kernel));
  return 0;
}

}  // namespace seccompd::agent
