// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/bpf/node_store.h"
#include "common/bpf/program.h"
#include "common/bpf/symbolic.h"

namespace seccompd::bpf {

// What a filter or a stack decides for each of the 2^512 inputs, in Normalize'd return values: the
// root of a decision diagram. Canonical: two diagrams of one Workspace are equal exactly when they
// decide the same everywhere. Valid until the Workspace is reset.
struct Diagram {
  NodeId root = kFalseNode;

  bool operator==(const Diagram&) const = default;
};

// A set of inputs, canonical in the same way.
struct Region {
  NodeId root = kFalseNode;

  bool operator==(const Region&) const = default;
};

// `nodes` bounds the memory of a Workspace until it is reset (about 60 bytes each at worst, the
// default stays below 64 MiB); `operations` bounds the work of one call (about 30 ns each).
struct DecideLimits {
  std::size_t nodes = 400'000;
  std::uint64_t operations = 800'000;
};

// Is this error the answer "undecided": a limit was reached before the exact answer was?
inline bool IsUndecided(const base::Error& error) {
  return error.code == base::ErrorCode::kResourceExhausted;
}

// Memory of diagrams: a hash-consed multi-terminal binary decision diagram over arch, nr, arguments
// (high half first) and instruction pointer, most significant bit first. Everything made in it
// lives until Reset, which keeps the memory. Not thread-safe; holds no other resource. Every
// function answers exactly or fails with kResourceExhausted; the outcome depends only on the calls
// since the last Reset, never on time or addresses.
class Workspace {
 public:
  explicit Workspace(const DecideLimits& limits = {});

  void Reset();

  // The meaning of one filter (kInvalidArgument if Verify refuses it) or of all filters of a task,
  // oldest first; an empty stack allows everything.
  [[nodiscard]] base::Result<Diagram> Decide(const Program& program);
  [[nodiscard]] base::Result<Diagram> Decide(const Stack& stack);

  // The same decisions where the arch is one of these AUDIT_ARCH_* values, KILL_PROCESS elsewhere:
  // for a node where no other can be entered. High argument halves stay, also of 32-bit
  // architectures: int 0x80 from 64-bit code shows them to the filter.
  [[nodiscard]] base::Result<Diagram> Restrict(Diagram diagram,
                                               std::span<const std::uint32_t> archs);

  // `inside` where the region holds, `outside` elsewhere.
  [[nodiscard]] base::Result<Diagram> Select(Region region, Diagram inside, Diagram outside);
  [[nodiscard]] base::Result<Diagram> Always(std::uint32_t return_value);

  // The inputs that the diagram decides with a value for which `chosen` holds.
  [[nodiscard]] base::Result<Region> Where(Diagram diagram,
                                           const std::function<bool(std::uint32_t)>& chosen);

  static Region Everything() { return Region{kTrueNode}; }
  static Region Nothing() { return Region{kFalseNode}; }
  [[nodiscard]] base::Result<Region> Intersect(Region a, Region b);
  [[nodiscard]] base::Result<Region> Unite(Region a, Region b);
  [[nodiscard]] base::Result<Region> Subtract(Region a, Region b);

  // Inputs whose 32-bit word (kArchWord, kNrWord, ArgLowWord(i), ... of layout.h) is in
  // [first, last], or equals `value` in the bits of `mask`.
  [[nodiscard]] base::Result<Region> WordInRange(Word word, std::uint32_t first,
                                                 std::uint32_t last);
  [[nodiscard]] base::Result<Region> WordMasked(Word word, std::uint32_t mask, std::uint32_t value);

  [[nodiscard]] std::uint32_t Evaluate(Diagram diagram, const SeccompData& data) const;
  [[nodiscard]] bool Contains(Region region, const SeccompData& data) const;

  // One input of the region, the least in the diagram's order; nullopt of the empty one.
  [[nodiscard]] std::optional<SeccompData> AnyInput(Region region) const;

  // Digest of the meaning: equal exactly when two diagrams, of whatever workspace, run or build,
  // decide the same. SHA-256 over the diagram's nodes in depth-first order.
  [[nodiscard]] base::Digest Fingerprint(Diagram diagram) const;

  // Memory held, in bytes.
  [[nodiscard]] std::size_t Footprint() const { return store_.Footprint() + run_.Footprint(); }

  // For the modules of this folder that walk diagrams (compare, explain, condition).
  [[nodiscard]] NodeStore& Store() { return store_; }
  [[nodiscard]] const NodeStore& Store() const { return store_; }
  // Grants the operations of one more call.
  void Begin() { store_.Grant(limits_.operations); }
  // The value, or kResourceExhausted if a limit was reached since Begin.
  template <class T>
  [[nodiscard]] base::Result<T> Finish(T value) const {
    if (store_.Exhausted()) return base::Fail(UndecidedError());
    return value;
  }

 private:
  [[nodiscard]] base::Error UndecidedError() const;
  NodeId WithoutUnknownActions(NodeId root);
  [[nodiscard]] NodeId Leaf(NodeId id, const SeccompData& data) const;

  DecideLimits limits_;
  NodeStore store_;
  SymbolicRun run_;
};

}  // namespace seccompd::bpf
