// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/bpf/filter_files.h"

#include <fstream>
#include <iterator>
#include <string>

#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"

namespace seccompd::bpf::testing {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;

std::uint32_t ByteAt(const std::string& bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

// The instructions of one section; `rest` is how many instructions follow it before the filter.
Program SectionOf(const StubSection& section, std::uint32_t rest) {
  const Instruction enosys = {.code = kRetK, .k = kRetErrno | kEnosys};
  if (!section.last_x32_nr) {
    return {{.code = kLdAbs, .k = 0},
            {.code = kJgtK, .jt = 0, .jf = 1, .k = section.last_nr},
            enosys,
            {.code = kJa, .k = rest}};
  }
  return {{.code = kLdAbs, .k = 0},
          {.code = kJsetK, .jt = 3, .jf = 0, .k = kX32Bit},
          {.code = kJgtK, .jt = 0, .jf = 1, .k = section.last_nr},
          enosys,
          {.code = kJa, .k = rest + 3},
          {.code = kJgtK, .jt = 0, .jf = 1, .k = *section.last_x32_nr},
          enosys,
          {.code = kJa, .k = rest}};
}

}  // namespace

std::string FilterPath(std::string_view file) {
  return std::string(SECCOMPD_TEST_DATA) + "/filters/" + std::string(file);
}

Program RecordedFilter(std::string_view name) {
  std::ifstream file(FilterPath(std::string(name) + ".bpf"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  Program program;
  for (std::size_t i = 0; i + sizeof(Instruction) <= bytes.size(); i += sizeof(Instruction)) {
    const auto code = static_cast<std::uint16_t>(ByteAt(bytes, i) | (ByteAt(bytes, i + 1) << 8));
    std::uint32_t k = 0;
    for (std::size_t byte = 4; byte-- > 0;) k = (k << 8) | ByteAt(bytes, i + 4 + byte);
    program.push_back({.code = code,
                       .jt = static_cast<std::uint8_t>(ByteAt(bytes, i + 2)),
                       .jf = static_cast<std::uint8_t>(ByteAt(bytes, i + 3)),
                       .k = k});
  }
  return program;
}

Program WithEnosysStub(const Program& filter, std::span<const StubSection> sections) {
  std::vector<Program> bodies(sections.size());
  std::uint32_t behind = 0;
  for (std::size_t i = sections.size(); i-- > 0;) {
    bodies[i] = SectionOf(sections[i], behind);
    behind += static_cast<std::uint32_t>(bodies[i].size());
  }
  Program program = {{.code = kLdAbs, .k = 4}};
  std::size_t start = 1 + sections.size() + 1;  // of the first section, behind the dispatch
  for (std::size_t i = 0; i < sections.size(); ++i) {
    program.push_back({.code = kJeqK,
                       .jt = static_cast<std::uint8_t>(start - program.size() - 1),
                       .jf = 0,
                       .k = sections[i].arch});
    start += bodies[i].size();
  }
  program.push_back({.code = kJa, .k = behind});
  for (const Program& body : bodies) program.insert(program.end(), body.begin(), body.end());
  program.insert(program.end(), filter.begin(), filter.end());
  return program;
}

}  // namespace seccompd::bpf::testing
