// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace seccompd::agent {

// Fixed thresholds for malloc. Left alone, glibc raises both with the largest block ever freed (the
// kernel's BTF, 5.5 MiB, at start) and then keeps twice that at the end of the heap for ever.
void SetUpHeap();

// Gives free pages back to the kernel if there are many: after the start, after a burst. Bytes that
// were free and worth it; 0: nothing was done.
std::size_t TrimHeap();

}  // namespace seccompd::agent
