// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// Conditions that must all hold, at most one per argument: what one libseccomp rule is. Empty:
// always.
using Conjunction = std::vector<ArgCondition>;

// The rule's conditions as the runtimes hand them to libseccomp: one conjunction, or, if an
// argument index is repeated, one per condition. Each is sorted by index and in its normal form
// (MASKED_EQ without bits outside the mask, no second value elsewhere).
std::vector<Conjunction> Conjunctions(const SyscallRule& rule);

// Is an argument index repeated, so that the conditions are alternatives?
bool RepeatsIndex(const SyscallRule& rule);

// Can both hold for one input? Exact for 64-bit arguments.
bool CanMeet(const ArgCondition& a, const ArgCondition& b);
bool CanMeet(const Conjunction& a, const Conjunction& b);

// Do different conjunctions, all of EQ and MASKED_EQ, form a tree: at every branch one argument is
// looked at, and its conditions there exclude each other? Such rules are pairwise disjoint.
bool FormTree(std::span<const Conjunction> conjunctions);

// Bytes that are equal exactly for equal conjunctions, to find duplicates by hashing.
std::string KeyOf(const Conjunction& conjunction);

// "arg0 == 38 and (arg1 & 0x3) == 0x1".
std::string Describe(const Conjunction& conjunction);

}  // namespace seccompd::seccomp
