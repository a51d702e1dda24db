// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace seccompd::net {

// A non-blocking, close-on-exec stream socket for a client of `family` (AF_INET, AF_INET6,
// AF_UNIX). TCP ones send at once and notice a dead peer: idle ones by keepalive (after 30 s, every
// 10 s, three times), ones with data under way after 60 s (TCP_USER_TIMEOUT). tcp(7)
[[nodiscard]] base::Result<base::UniqueFd> MakeClientSocket(int family);

}  // namespace seccompd::net
