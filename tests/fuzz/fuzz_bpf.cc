// SPDX-License-Identifier: Apache-2.0
// Raw instructions: whatever verifies can be evaluated, disassembled and decided, and all three
// agree. What does not verify is made to, so that no input is lost.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/bpf/decide.h"
#include "common/bpf/disassemble.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"
#include "tests/fuzz/repair.h"

using namespace seccompd::bpf;  // NOLINT(google-build-using-namespace): one function

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeccompData input;
  if (size < sizeof(input)) return 0;
  std::memcpy(&input, data, sizeof(input));
  Program program((size - sizeof(input)) / sizeof(Instruction));
  if (!program.empty()) {
    std::memcpy(program.data(), data + sizeof(input), program.size() * sizeof(Instruction));
  }
  if (DisassembleToText(program, {}).empty() != program.empty()) std::abort();
  static_cast<void>(Evaluate(program, input));  // ends, verified or not
  if (!Verify(program)) program = fuzz::Repaired(std::move(program));
  if (!Verify(program) && program.size() <= kMaxInstructions) std::abort();
  static Workspace workspace({.nodes = 10'000, .operations = 20'000});
  workspace.Reset();
  const auto diagram = workspace.Decide(program);
  if (!diagram) return IsUndecided(diagram.error()) ? 0 : (std::abort(), 0);
  for (std::uint32_t turn = 0; turn < 64; ++turn) {
    if (workspace.Evaluate(*diagram, input) != Normalize(Evaluate(program, input))) std::abort();
    // Constants of the program, one word after the other, are where decisions change.
    const std::uint32_t k = program[turn % program.size()].k;
    std::memcpy(reinterpret_cast<char*>(&input) + 4 * (turn % 16), &k, sizeof(k));
  }
  return 0;
}
