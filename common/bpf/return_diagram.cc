// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "common/bpf/interner.h"
#include "common/bpf/return_value.h"
#include "common/bpf/symbolic.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kDataBits = 16;
constexpr std::uint32_t kErrnoBits = 12;
// In operations of the store.
constexpr std::uint64_t kSplitCost = 2;
constexpr std::uint64_t kBuilderCost = 32;
constexpr std::uint32_t kSignBit = 0x80000000;
constexpr std::uint32_t kActions[] = {kRetKillProcess, kRetKillThread, kRetTrap, kRetErrno,
                                      kRetUserNotif,   kRetTrace,      kRetLog,  kRetAllow};

// What is known of a value: `ones` of the bits in `known` are set.
struct Knowledge {
  std::uint32_t known = 0;
  std::uint32_t ones = 0;

  [[nodiscard]] bool Allows(std::uint32_t action) const {
    return ((action ^ ones) & known & kRetActionMask) == 0;
  }
  [[nodiscard]] bool ActionKnown() const { return (~known & kRetActionMask) == 0; }
};

Knowledge KnowledgeOf(const BitVector& bits) {
  Knowledge result;
  for (std::uint32_t i = 0; i < kWordBits; ++i) {
    if (bits[i] > kTrueNode) continue;
    result.known |= 1U << i;
    result.ones |= bits[i] << i;
  }
  return result;
}

// Splits a value on its topmost variable until the kernel treats what is left as one return value.
class ReturnBuilder {
 public:
  ReturnBuilder(NodeStore& store, Normalizer normalize) : store_(store), normalize_(normalize) {}

  NodeId Build(BitVector bits) {
    const Knowledge knowledge = KnowledgeOf(bits);
    if (const auto value = Settled(knowledge)) return store_.Terminal(normalize_(*value));
    if (!knowledge.Allows(kRetErrno) && !knowledge.Allows(kRetTrace)) {
      std::fill_n(bits.begin(), kDataBits, kFalseNode);  // nobody reads the data
    }
    if (knowledge.ActionKnown() && DataBitsAreFree(bits)) return BuildFree(bits);
    const auto [id, added] = seen_.Intern(store_, bits);
    if (store_.Exhausted()) return kFalseNode;
    if (!added) return results_[id];
    results_.push_back(kFalseNode);
    const std::uint32_t variable = TopVariable(bits);
    const NodeId low = Build(Cofactor(bits, variable, false));
    const NodeId high = Build(Cofactor(bits, variable, true));
    results_[id] = store_.Make(variable, low, high);
    return results_[id];
  }

 private:
  // The one return value of NormalizeInStack that is left, if so.
  static std::optional<std::uint32_t> Settled(const Knowledge& knowledge) {
    if (knowledge.ActionKnown()) {
      const std::uint32_t action = knowledge.ones & kRetActionMask;
      const std::uint32_t all = NormalizeInStack(action | kRetDataMask);
      if (all == NormalizeInStack(action)) return all;  // it has no data
      const std::uint32_t beyond = kRetDataMask & ~kMaxErrno;
      if (action == kRetErrno && (knowledge.ones & beyond) != 0) return all;
      if (knowledge.known == ~0U) return NormalizeInStack(knowledge.ones);
      return std::nullopt;
    }
    // Only unknown actions, all between the same two known ones?
    const std::uint32_t unknown = ~knowledge.known & kRetActionMask;
    const std::uint32_t fixed = (knowledge.ones & kRetActionMask) ^ (knowledge.known & kSignBit);
    const std::uint32_t least = fixed;
    const std::uint32_t greatest = fixed | unknown;
    for (const std::uint32_t action : kActions) {
      const std::uint32_t rank = action ^ kSignBit;
      if (least <= rank && rank <= greatest) return std::nullopt;
    }
    return NormalizeInStack(least ^ kSignBit);
  }

  std::uint32_t TopVariable(const BitVector& bits) const {
    std::uint32_t top = kTerminalVariable;
    for (const NodeId bit : bits) top = std::min(top, store_[bit].variable);
    return top;
  }

  BitVector Cofactor(BitVector bits, std::uint32_t variable, bool high) const {
    for (NodeId& bit : bits) {
      const Node& node = store_[bit];
      if (node.variable == variable) bit = high ? node.high : node.low;
    }
    return bits;
  }

  // Are the data bits constants and different input bits? Then every split leaves something new.
  bool DataBitsAreFree(const BitVector& bits) const {
    std::array<std::uint32_t, kDataBits> variables{};
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < kDataBits; ++i) {
      const Node& node = store_[bits[i]];
      if (bits[i] <= kTrueNode) continue;
      if (node.low > kTrueNode || node.high > kTrueNode) return false;
      variables[count++] = node.variable;
    }
    std::sort(variables.begin(), variables.begin() + count);
    return std::adjacent_find(variables.begin(), variables.begin() + count) ==
           variables.begin() + count;
  }

  NodeId BuildFree(const BitVector& bits) {
    store_.Spend(kSplitCost);
    if (store_.Exhausted()) return kFalseNode;
    if (const auto value = Settled(KnowledgeOf(bits))) return store_.Terminal(normalize_(*value));
    const std::uint32_t variable = TopVariable(bits);
    const NodeId low = BuildFree(Cofactor(bits, variable, false));
    const NodeId high = BuildFree(Cofactor(bits, variable, true));
    return store_.Make(variable, low, high);
  }

  NodeStore& store_;
  Normalizer normalize_;
  Interner<kWordBits> seen_;
  std::vector<NodeId> results_;
};

static_assert((1U << kErrnoBits) - 1 == kMaxErrno);

}  // namespace

NodeId ReturnDiagram(NodeStore& store, const BitVector& bits, Normalizer normalize) {
  if (const auto value = ConstantOf(bits)) return store.Terminal(normalize(*value));
  store.Spend(kBuilderCost);
  return ReturnBuilder(store, normalize).Build(bits);
}

}  // namespace seccompd::bpf
