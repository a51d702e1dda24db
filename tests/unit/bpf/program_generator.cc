// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/bpf/program_generator.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/base/strings.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"

namespace seccompd::bpf::testing {
namespace {

constexpr std::array<std::uint16_t, 10> kAluK = {kAddK, kSubK, kMulK, kDivK, kOrK,
                                                 kAndK, kLshK, kRshK, kXorK, kNeg};
constexpr std::array<std::uint16_t, 9> kAluX = {kAddX, kSubX, kMulX, kDivX, kOrX,
                                                kAndX, kLshX, kRshX, kXorX};
constexpr std::array<std::uint16_t, 8> kJumps = {kJeqK, kJgtK, kJgeK, kJsetK,
                                                 kJeqX, kJgtX, kJgeX, kJsetX};
constexpr std::array<std::uint32_t, 9> kActions = {kRetKillProcess, kRetKillThread, kRetTrap,
                                                   kRetErrno,       kRetUserNotif,  kRetTrace,
                                                   kRetLog,         kRetAllow,      0x00040000};

template <std::size_t kSize>
std::uint16_t Pick(Random& random, const std::array<std::uint16_t, kSize>& codes,
                   std::size_t first = 0, std::size_t count = kSize) {
  return codes[first + random.Below(static_cast<std::uint32_t>(count))];
}

std::uint32_t RandomReturn(Random& random) {
  const std::uint32_t action = kActions[random.Below(static_cast<std::uint32_t>(kActions.size()))];
  return action | (random.OneIn(2) ? random.Below(0x10000) : random.Below(3));
}

Instruction RandomJump(Random& random, Flavor flavor, std::size_t left) {
  Instruction at;
  const auto reach = static_cast<std::uint32_t>(std::min<std::size_t>(left, 250));
  if (random.OneIn(12)) {
    at.code = kJa;
    at.k = random.Below(reach);
    return at;
  }
  at.code = flavor == Flavor::kFilter ? Pick(random, kJumps, 0, 4) : Pick(random, kJumps);
  at.jt = static_cast<std::uint8_t>(random.Below(reach));
  at.jf = static_cast<std::uint8_t>(random.OneIn(2) ? 0 : random.Below(reach));
  at.k = BoundaryWord(random);
  return at;
}

Instruction RandomAlu(Random& random, Flavor flavor) {
  Instruction at;
  at.k = BoundaryWord(random);
  if (flavor == Flavor::kFilter) {
    at.code = kAndK;
    return at;
  }
  // Products and quotients of inputs are mostly beyond any diagram: a few are enough.
  at.code = random.OneIn(3) ? Pick(random, kAluX) : Pick(random, kAluK);
  if ((at.code == kMulK || at.code == kMulX || at.code == kDivK || at.code == kDivX) &&
      !random.OneIn(3)) {
    at.code = kAndK;
  }
  if (at.code == kLshK || at.code == kRshK) at.k %= 32;
  if (at.code == kDivK && at.k == 0) at.k = 3;
  return at;
}

Instruction RandomMove(Random& random, std::uint16_t written) {
  constexpr std::array<std::uint16_t, 10> kCodes = {kLdImm, kLdLen, kLdxImm, kLdxLen, kSt,
                                                    kStx,   kTax,   kTxa,    kLdMem,  kLdxMem};
  Instruction at;
  at.code = Pick(random, kCodes);
  at.k = BoundaryWord(random);
  if (at.code == kSt || at.code == kStx) at.k = random.Below(kMemoryWords);
  if (at.code == kLdMem || at.code == kLdxMem) {
    at.k = random.Below(kMemoryWords);
    if (((written >> at.k) & 1) == 0) at.code = at.code == kLdMem ? kLdImm : kLdxImm;
  }
  return at;
}

}  // namespace

std::uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint32_t BoundaryWord(Random& random) {
  constexpr std::array<std::uint32_t, 12> kWords = {
      0, 1, 2, 31, 32, 38, 40, 0x7e020000, 0x7fffffff, 0x80000000, 0xffffffff, 0x40000000};
  switch (random.Below(6)) {
    case 0:
      return kWords[random.Below(static_cast<std::uint32_t>(kWords.size()))];
    case 1:
      return 1U << random.Below(32);
    case 2:
      return (1U << random.Below(32)) - 1;
    case 3:
      return random.Below(500);
    case 4:
      return random.OneIn(2) ? kAuditArchX86_64 : kAuditArchI386;
    default:
      return random.Word();
  }
}

Program RandomProgram(Random& random, Flavor flavor, std::size_t max_length) {
  const std::size_t length = 1 + random.Below(static_cast<std::uint32_t>(max_length));
  Program program;
  std::uint16_t written = 0;  // surely, by the first instructions
  while (flavor == Flavor::kArithmetic && program.size() + 1 < length && random.OneIn(2)) {
    const std::uint32_t word = random.Below(kMemoryWords);
    program.push_back({.code = random.OneIn(2) ? kSt : kStx, .k = word});
    written |= static_cast<std::uint16_t>(1U << word);
  }
  while (program.size() + 1 < length) {
    const std::size_t left = length - program.size() - 1;
    switch (random.Below(flavor == Flavor::kFilter ? 7 : 10)) {
      case 0:
      case 1:
        program.push_back({.code = kLdAbs, .k = 4 * random.Below(kDataBytes / 4)});
        break;
      case 2:
        program.push_back(RandomAlu(random, flavor));
        break;
      case 3:
      case 4:
      case 5:
        program.push_back(RandomJump(random, flavor, left));
        break;
      case 6:
        if (random.OneIn(3)) {
          program.push_back({.code = kRetK, .k = RandomReturn(random)});
        } else {
          program.push_back(RandomJump(random, flavor, left));
        }
        break;
      case 7:
        program.push_back(RandomAlu(random, flavor));
        break;
      default:
        program.push_back(RandomMove(random, written));
    }
  }
  if (flavor == Flavor::kArithmetic && random.OneIn(2)) {
    program.push_back({.code = kRetA});
  } else {
    program.push_back({.code = kRetK, .k = RandomReturn(random)});
  }
  return program;
}

SeccompData RandomInput(Random& random, const Program& program) {
  const auto word = [&]() -> std::uint32_t {
    switch (random.Below(5)) {
      case 0:
        return random.Word();
      case 1:
        return BoundaryWord(random);
      default: {
        const std::uint32_t k = program[random.Below(static_cast<std::uint32_t>(program.size()))].k;
        switch (random.Below(4)) {
          case 0:
            return k + 1;
          case 1:
            return k - 1;
          case 2:
            return k ^ (1U << random.Below(32));
          default:
            return k;
        }
      }
    }
  };
  const auto wide = [&] { return (std::uint64_t{random.OneIn(3) ? 0 : word()} << 32) | word(); };
  SeccompData data;
  data.nr = word();
  data.arch = random.OneIn(2) ? kAuditArchX86_64 : word();
  data.instruction_pointer = wide();
  for (auto& arg : data.args) arg = wide();
  return data;
}

std::size_t TestFactor() {
  const char* text = std::getenv("SECCOMPD_TEST_FACTOR");  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return 1;
  return base::ParseInt<std::size_t>(text).value_or(1);
}

}  // namespace seccompd::bpf::testing
