// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"

namespace seccompd::bpf {

Workspace::Workspace(const DecideLimits& limits) : limits_(limits), store_(limits.nodes) {}

void Workspace::Reset() { store_.Reset(); }

base::Error Workspace::UndecidedError() const {
  return base::Error{.code = base::ErrorCode::kResourceExhausted,
                     .message = fmt::format("undecided within {} nodes and {} operations",
                                            limits_.nodes, limits_.operations)};
}

NodeId Workspace::WithoutUnknownActions(NodeId root) {
  return store_.MapTerminals(
      root, [&](std::uint32_t value) { return store_.Terminal(Normalize(value)); });
}

base::Result<Diagram> Workspace::Decide(const Program& program) {
  TRY(Verify(program));
  Begin();
  return Finish(Diagram{run_.Run(store_, program, Normalize)});
}

base::Result<Diagram> Workspace::Decide(const Stack& stack) {
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (auto verified = Verify(stack[i]); !verified) {
      return base::Fail(base::WithContext(verified.error(), fmt::format("filter {}", i)));
    }
  }
  Begin();
  NodeId root = store_.Terminal(kRetAllow);
  for (const Program& program : stack) {
    if (store_.Exhausted()) break;
    root = store_.Combine(run_.Run(store_, program, NormalizeInStack), root);
  }
  return Finish(Diagram{WithoutUnknownActions(root)});
}

base::Result<Diagram> Workspace::Restrict(Diagram diagram, std::span<const std::uint32_t> archs) {
  Begin();
  const NodeId impossible = store_.Terminal(kRetKillProcess);
  NodeId root = impossible;
  for (const std::uint32_t arch : archs) {
    root = store_.IfWordEqual(kArchWord, arch, diagram.root, root);
  }
  return Finish(Diagram{root});
}

base::Result<Diagram> Workspace::Select(Region region, Diagram inside, Diagram outside) {
  Begin();
  return Finish(Diagram{store_.IfThenElse(region.root, inside.root, outside.root)});
}

base::Result<Diagram> Workspace::Always(std::uint32_t return_value) {
  Begin();
  return Finish(Diagram{store_.Terminal(Normalize(return_value))});
}

base::Result<Region> Workspace::Where(Diagram diagram,
                                      const std::function<bool(std::uint32_t)>& chosen) {
  Begin();
  return Finish(Region{store_.MapTerminals(
      diagram.root, [&](std::uint32_t value) { return chosen(value) ? kTrueNode : kFalseNode; })});
}

base::Result<Region> Workspace::Intersect(Region a, Region b) {
  Begin();
  return Finish(Region{store_.And(a.root, b.root)});
}

base::Result<Region> Workspace::Unite(Region a, Region b) {
  Begin();
  return Finish(Region{store_.Or(a.root, b.root)});
}

base::Result<Region> Workspace::Subtract(Region a, Region b) {
  Begin();
  return Finish(Region{store_.IfThenElse(b.root, kFalseNode, a.root)});
}

base::Result<Region> Workspace::WordInRange(Word word, std::uint32_t first, std::uint32_t last) {
  Begin();
  NodeId root = store_.IfWordGreater(word, last, kFalseNode, kTrueNode);
  if (first > 0) root = store_.IfWordGreater(word, first - 1, root, kFalseNode);
  return Finish(Region{root});
}

base::Result<Region> Workspace::WordMasked(Word word, std::uint32_t mask, std::uint32_t value) {
  Begin();
  const BitVector masked = BitAnd(store_, WordBitsOf(store_, word), ConstantBits(mask));
  return Finish(Region{IsEqual(store_, masked, ConstantBits(value))});
}

std::uint32_t Workspace::Evaluate(Diagram diagram, const SeccompData& data) const {
  return store_[Leaf(diagram.root, data)].low;
}

bool Workspace::Contains(Region region, const SeccompData& data) const {
  return Leaf(region.root, data) == kTrueNode;
}

NodeId Workspace::Leaf(NodeId id, const SeccompData& data) const {
  while (!store_.IsTerminal(id)) {
    const Node& node = store_[id];
    const std::uint32_t word = ReadWord(data, node.variable / kWordBits);
    const std::uint32_t bit = kWordBits - 1 - node.variable % kWordBits;
    id = ((word >> bit) & 1) != 0 ? node.high : node.low;
  }
  return id;
}

std::optional<SeccompData> Workspace::AnyInput(Region region) const {
  if (region.root == kFalseNode) return std::nullopt;
  SeccompData data;
  NodeId id = region.root;
  while (!store_.IsTerminal(id)) {
    const Node& node = store_[id];
    if (node.low == kFalseNode) SetBit(data, node.variable);
    id = node.low == kFalseNode ? node.high : node.low;
  }
  return data;
}

namespace {

// Nodes in depth-first order, children before parents, low before high; each is numbered when it is
// written, so the bytes depend on the function alone.
class Serializer {
 public:
  explicit Serializer(const NodeStore& store) : store_(store), numbers_(store.size(), kUnseen) {}

  std::uint32_t Write(NodeId id) {
    if (numbers_[id] != kUnseen) return numbers_[id];
    const Node& node = store_[id];
    std::uint32_t low = node.low;
    std::uint32_t high = 0;
    if (node.variable != kTerminalVariable) {
      low = Write(node.low);
      high = Write(node.high);
    }
    Put(node.variable, sizeof(std::uint16_t));
    Put(low, sizeof(std::uint32_t));
    Put(high, sizeof(std::uint32_t));
    numbers_[id] = next_;
    return next_++;
  }
  std::string bytes = "seccompd filter meaning 1\n";

 private:
  static constexpr std::uint32_t kUnseen = 0xffffffff;
  static constexpr std::uint32_t kByteBits = 8;

  void Put(std::uint32_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes.push_back(static_cast<char>(static_cast<unsigned char>(value >> (kByteBits * i))));
    }
  }

  const NodeStore& store_;
  std::vector<std::uint32_t> numbers_;
  std::uint32_t next_ = 0;
};

}  // namespace

base::Digest Workspace::Fingerprint(Diagram diagram) const {
  Serializer serializer(store_);
  serializer.Write(diagram.root);
  return base::Sha256(serializer.bytes);
}

}  // namespace seccompd::bpf
