// SPDX-License-Identifier: Apache-2.0
// Two programs: comparing them is symmetric, every witness is true, equal means equal fingerprints.
// Small bounds on purpose: a search is worth what it tries in a second.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/bpf/compare.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/return_value.h"
#include "tests/fuzz/repair.h"

using namespace seccompd::bpf;  // NOLINT(google-build-using-namespace): one function

namespace {

constexpr std::size_t kMostInstructions = 64;
constexpr CompareOptions kOptions{.max_differences = 24, .max_terms = 4};

void Check(Workspace& workspace, const Program& a, const Program& b) {
  workspace.Reset();
  const auto first = workspace.Decide(a);
  if (!first) return;
  const auto second = workspace.Decide(b);
  if (!second) return;
  const auto forth = Compare(workspace, *first, *second, kOptions);
  const auto back = Compare(workspace, *second, *first, kOptions);
  if (!forth || !back) return;
  const bool equal = forth->relation == Relation::kEqual;
  if (equal != (workspace.Fingerprint(*first) == workspace.Fingerprint(*second))) std::abort();
  if (forth->relation != back->relation || forth->total != back->total ||
      forth->weaker != back->stricter || forth->stricter != back->weaker ||
      equal != forth->differences.empty() ||
      forth->differences.size() != std::min<std::uint64_t>(forth->total, 24)) {
    std::abort();
  }
  for (const Difference& block : forth->differences) {
    if (Normalize(Evaluate(a, block.witness)) != block.from) std::abort();
    if (Normalize(Evaluate(b, block.witness)) != block.to || block.from == block.to) std::abort();
  }
}

}  // namespace

// The first byte says where the first program ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Program all(std::min((size - 1) / sizeof(Instruction), kMostInstructions));
  if (all.empty()) return 0;
  std::memcpy(all.data(), data + 1, all.size() * sizeof(Instruction));
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(data[0] % (all.size() + 1));
  static Workspace workspace({.nodes = 2'000, .operations = 4'000});
  Check(workspace, fuzz::Repaired({all.begin(), middle}), fuzz::Repaired({middle, all.end()}));
  return 0;
}
