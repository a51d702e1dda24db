// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/rule_region.h"

#include <algorithm>

#include "common/bpf/condition.h"
#include "common/bpf/layout.h"

namespace seccompd::bpf {
namespace {

using base::Result;

constexpr std::uint64_t kLow = 0xffffffff;
constexpr std::uint64_t kMax = ~std::uint64_t{0};

}  // namespace

Result<Region> CallRegion(Workspace& workspace, seccomp::Arch arch, std::uint32_t number) {
  const std::uint32_t token = seccomp::AuditArch(arch);
  TRY_ASSIGN(const Region on_arch, workspace.WordInRange(kArchWord, token, token));
  TRY_ASSIGN(const Region call, workspace.WordInRange(kNrWord, number, number));
  return workspace.Intersect(on_arch, call);
}

Result<Region> ConditionRegion(Workspace& workspace, const seccomp::ArgCondition& c, bool narrow) {
  ArgTest test{.index = static_cast<std::uint8_t>(c.index),
               .part = narrow ? ArgPart::kLow32 : ArgPart::kWhole};
  const std::uint64_t max = narrow ? kLow : kMax;
  test.second = max;
  switch (c.op) {
    case seccomp::CompareOp::kLt:
      if (c.value == 0) return Workspace::Nothing();
      test.second = std::min(c.value - 1, max);
      break;
    case seccomp::CompareOp::kLe:
      test.second = std::min(c.value, max);
      break;
    case seccomp::CompareOp::kGe:
      if (c.value > max) return Workspace::Nothing();
      test.first = c.value;
      break;
    case seccomp::CompareOp::kGt:
      if (c.value >= max) return Workspace::Nothing();
      test.first = c.value + 1;
      break;
    case seccomp::CompareOp::kEq:
    case seccomp::CompareOp::kNe:
      if (c.value > max) {
        return c.op == seccomp::CompareOp::kNe ? Workspace::Everything() : Workspace::Nothing();
      }
      test.relation =
          c.op == seccomp::CompareOp::kNe ? ArgRelation::kNotInRange : ArgRelation::kInRange;
      test.first = c.value;
      test.second = c.value;
      break;
    case seccomp::CompareOp::kMaskedEq:
      test.relation = ArgRelation::kMasked;
      test.first = c.value_two & c.value & max;
      test.second = c.value & max;
      break;
  }
  return RegionOf(workspace, test);
}

}  // namespace seccompd::bpf
