// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "common/bpf/condition.h"
#include "common/bpf/node_store.h"

namespace seccompd::bpf {

// Arguments 0..5 and the instruction pointer as 64 variables each, behind arch and nr.
constexpr std::uint32_t FirstVariable(std::uint32_t argument) {
  return ArgHighWord(argument) * kWordBits;
}
constexpr std::uint32_t ArgumentOfVariable(std::uint32_t variable) {
  return (variable / kWordBits - ArgHighWord(0)) / 2;
}

// A set of values of one argument (a truth function of its 64 variables alone, neither always true
// nor always false) in the fewest tests we know: any of the lists holds, all tests of a list.
// Ranges, one mask and their complements are tried before lists of masks. Clears `complete` if it
// takes more than `max_terms` lists.
std::vector<std::vector<ArgTest>> DescribeValues(NodeStore& store, std::uint32_t argument,
                                                 NodeId values, std::size_t max_terms,
                                                 bool& complete);

}  // namespace seccompd::bpf
