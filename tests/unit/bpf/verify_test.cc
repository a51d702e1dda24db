// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/verify.h"

#include <gtest/gtest.h>

#include <string>

#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"

namespace seccompd::bpf {
namespace {

const Instruction kReturn = {.code = kRetK, .k = kRetAllow};

std::string MessageOf(const Program& program) {
  const auto verified = Verify(program);
  return verified ? "ok" : verified.error().message;
}

TEST(Verify, NamesTheInstructionAtFault) {
  EXPECT_EQ(MessageOf({kReturn}), "ok");
  EXPECT_EQ(MessageOf({}), "0 instructions; the kernel loads 1 to 4096");
  EXPECT_EQ(MessageOf({{.code = kLdAbs, .k = 64}, kReturn}),
            "instruction 0: load from offset 64 of the 64-byte seccomp_data");
  EXPECT_EQ(MessageOf({kReturn, {.code = 0x28}, kReturn}),
            "instruction 1: opcode 0x0028 is not allowed");
  EXPECT_EQ(MessageOf({{.code = kDivK, .k = 0}, kReturn}), "instruction 0: division by constant 0");
  EXPECT_EQ(MessageOf({{.code = kLshK, .k = 32}, kReturn}), "instruction 0: shift by 32 bits");
  EXPECT_EQ(MessageOf({{.code = kSt, .k = 16}, kReturn}),
            "instruction 0: memory word 16, there are 16");
  EXPECT_EQ(MessageOf({{.code = kJeqK, .jt = 0, .jf = 1}, kReturn}),
            "instruction 0: jump of 0 or 1 leaves the program");
  EXPECT_EQ(MessageOf({{.code = kJa, .k = 0xffffffff}, kReturn}),
            "instruction 0: jump of 4294967295 leaves the program");
  EXPECT_EQ(MessageOf({{.code = kLdImm}}), "instruction 0: the last instruction does not return");
}

TEST(Verify, MemoryMustBeWrittenOnEveryPath) {
  const Program one_path = {
      {.code = kJeqK, .jt = 0, .jf = 1}, {.code = kSt, .k = 3}, {.code = kLdMem, .k = 3}, kReturn};
  EXPECT_EQ(MessageOf(one_path), "instruction 2: memory word 3 is read but not always written");
  Program both = one_path;
  both.insert(both.begin(), {.code = kStx, .k = 3});
  EXPECT_EQ(MessageOf(both), "ok");
}

}  // namespace
}  // namespace seccompd::bpf
