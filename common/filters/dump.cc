// SPDX-License-Identifier: Apache-2.0
#include "common/filters/dump.h"

namespace seccompd::filters {

std::string_view UnknownName(Unknown reason) {
  switch (reason) {
    case Unknown::kPending:
      return "pending";
    case Unknown::kGone:
      return "gone";
    case Unknown::kNoFilter:
      return "no-filter";
    case Unknown::kChanged:
      return "changed";
    case Unknown::kTorn:
      return "torn";
    case Unknown::kTooManyFilters:
      return "too-many-filters";
    case Unknown::kTooManyInstructions:
      return "too-many-instructions";
    case Unknown::kNoOriginal:
      return "no-original";
    case Unknown::kUnreadable:
      return "unreadable";
    case Unknown::kLimit:
      return "limit";
  }
  return "unknown";
}

std::string_view UnknownSentence(Unknown reason) {
  switch (reason) {
    case Unknown::kPending:
      return "its filters have not been read yet; the next pass reads them";
    case Unknown::kGone:
      return "it exited before its filters were read";
    case Unknown::kNoFilter:
      return "it is exiting and holds no filter any more";
    case Unknown::kChanged:
      return "it loaded another filter while it was looked at";
    case Unknown::kTorn:
      return "its filters changed during every attempt to read them";
    case Unknown::kTooManyFilters:
      return "it has stacked more than 1024 filters";
    case Unknown::kTooManyInstructions:
      return "its filters have more than 32768 instructions";
    case Unknown::kNoOriginal:
      return "the kernel kept no original program (CONFIG_CHECKPOINT_RESTORE is off)";
    case Unknown::kUnreadable:
      return "the kernel's copy of its filters could not be read";
    case Unknown::kLimit:
      return "its container has loaded more distinct filters than are read";
  }
  return "unknown";
}

}  // namespace seccompd::filters
