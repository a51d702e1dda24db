// SPDX-License-Identifier: Apache-2.0
// Replaying a ledger: any bytes give a state or an error; what was read once reads the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/install/ledger.h"

namespace {

using namespace seccompd::install;  // NOLINT(google-build-using-namespace): a harness

void Check(const std::string& text) {
  const auto replay = ReplayLog(text);
  if (!replay) return;
  if (replay->end.offset > text.size()) std::abort();
  for (const auto& [path, owned] : replay->state.paths) {
    for (const Revision& revision : owned.revisions) {
      const auto framed = std::string_view(text).substr(revision.body.offset, revision.body.size);
      if (revision.body.size > 0 && !UnframeBody(framed)) std::abort();
    }
  }
  if (replay->tail == LogEnd::kCorrupt) return;
  const auto again = ReplayLog(text.substr(0, replay->end.offset));
  if (!again || again->state != replay->state || again->tail != LogEnd::kClean) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  Check(input);
  // The same bytes as the payload of a record whose checksum is right.
  LogPosition position;
  std::string text = EncodeHeader("0123456789abcdef", &position);
  const auto sum = seccompd::base::Sha256(position.chain + " 1\n" + input).Hex().substr(0, 32);
  text += "#r 1 " + std::to_string(size) + " " + sum + "\n" + input;
  Check(text);
  return 0;
}
