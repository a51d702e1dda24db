// SPDX-License-Identifier: Apache-2.0
// Two raw programs: comparing them is symmetric, every witness is true, equal means equal
// fingerprints.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/bpf/compare.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/return_value.h"

using namespace seccompd::bpf;  // NOLINT(google-build-using-namespace): one function

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Program all((size - 1) / sizeof(Instruction));
  if (all.empty()) return 0;
  std::memcpy(all.data(), data + 1, all.size() * sizeof(Instruction));
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(data[0] % (all.size() + 1));
  const Program a(all.begin(), middle);
  const Program b(middle, all.end());
  Workspace workspace({.nodes = 10'000, .operations = 20'000});
  const auto first = workspace.Decide(a);
  const auto second = workspace.Decide(b);
  if (!first || !second) return 0;
  const auto forth = Compare(workspace, *first, *second);
  const auto back = Compare(workspace, *second, *first);
  if (!forth || !back) return 0;
  const bool equal = forth->relation == Relation::kEqual;
  if (equal != (workspace.Fingerprint(*first) == workspace.Fingerprint(*second))) std::abort();
  if (forth->relation != back->relation || forth->total != back->total ||
      forth->weaker != back->stricter || forth->stricter != back->weaker ||
      equal != forth->differences.empty() ||
      forth->differences.size() != std::min<std::uint64_t>(forth->total, 1'000)) {
    std::abort();
  }
  for (const Difference& block : forth->differences) {
    if (Normalize(Evaluate(a, block.witness)) != block.from) std::abort();
    if (Normalize(Evaluate(b, block.witness)) != block.to || block.from == block.to) std::abort();
  }
  return 0;
}
