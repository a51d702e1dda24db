// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/disassemble.h"

#include <gtest/gtest.h>

#include <string>

#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;

seccomp::SyscallTable Table() {
  seccomp::SyscallTable table;
  table.Add(Arch::kX86_64, "socket", 41);
  table.Add(Arch::kX86, "dup", 41);
  table.Add(Arch::kX32, "socket", 0x40000000 + 41);
  return table;
}

TEST(Disassemble, NamesWhatTheFlowTells) {
  const Program program = {{.code = kLdAbs, .k = 4},
                           {.code = kJeqK, .jt = 0, .jf = 4, .k = kAuditArchX86_64},
                           {.code = kLdAbs, .k = 0},
                           {.code = kJeqK, .jt = 2, .jf = 0, .k = 41},
                           {.code = kJeqK, .jt = 1, .jf = 0, .k = 0x40000029},
                           {.code = kRetK, .k = kRetAllow},
                           {.code = kLdAbs, .k = 20},
                           {.code = kJsetK, .jt = 0, .jf = 0, .k = 41},
                           {.code = kRetK, .k = kRetErrno | 38}};
  EXPECT_EQ(DisassembleToText(program, Table()),
            "       ld   arch\n"
            "       jeq  #0xc000003e, L2, L6           ; x86_64\n"
            "   L2: ld   nr\n"
            "       jeq  #0x29, L6, L4                 ; socket\n"
            "   L4: jeq  #0x40000029, L6, L5           ; socket (x32)\n"
            "   L5: ret  #0x7fff0000                   ; ALLOW\n"
            "   L6: ld   args[0].high\n"
            "       jset #0x29, L8, L8\n"
            "   L8: ret  #0x50026                      ; ERRNO(38) ENOSYS\n");
}

TEST(Disassemble, DoesNotGuessWhereTwoPathsMeet) {
  // A may hold nr or arch at the comparison.
  const Program program = {{.code = kLdAbs, .k = 4},
                           {.code = kJeqK, .jt = 1, .jf = 0, .k = kAuditArchI386},
                           {.code = kLdAbs, .k = 0},
                           {.code = kJeqK, .jt = 0, .jf = 0, .k = 41},
                           {.code = kRetA}};
  EXPECT_EQ(Disassemble(program, Table())[3].comment, "");
}

TEST(Disassemble, ShowsEveryOpcodeAndBrokenPrograms) {
  const Program program = {{.code = kLdLen},
                           {.code = kLdxMem, .k = 3},
                           {.code = kAddX},
                           {.code = kNeg},
                           {.code = kRshK, .k = 4},
                           {.code = kJgeX, .jt = 200, .jf = 0},
                           {.code = kJa, .k = ~0U},
                           {.code = 0xffff, .jt = 1, .jf = 2, .k = 3},
                           {.code = kRetK, .k = 0x00040007},
                           {.code = kLdAbs, .k = 3}};
  const auto lines = Disassemble(program, Table());
  EXPECT_EQ(lines[0].text, "ld   len");
  EXPECT_EQ(lines[1].text, "ldx  M[3]");
  EXPECT_EQ(lines[2].text, "add  x");
  EXPECT_EQ(lines[3].text, "neg");
  EXPECT_EQ(lines[4].text, "rsh  #0x4");
  EXPECT_EQ(lines[5].text, "jge  x, outside(+200), L6");
  EXPECT_EQ(lines[6].text, "ja   outside(+4294967295)");
  EXPECT_EQ(lines[7].text, "invalid code=0xffff jt=1 jf=2 k=0x3");
  EXPECT_EQ(lines[7].comment, "never reached");
  EXPECT_EQ(lines[8].comment, "KILL_PROCESS (unknown action)");
  EXPECT_EQ(lines[9].text, "ld   [3]");
}

}  // namespace
}  // namespace seccompd::bpf
