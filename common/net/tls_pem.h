// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL, whose headers stay in .cc files

namespace seccompd::net {

// What both ends of TLS do with PEM text. Private to this folder; kInvalidArgument says which PEM
// is wrong and why.

// Certificates of `pem` and nobody else are trusted.
[[nodiscard]] base::Result<> TrustOnly(ssl_ctx_st* context, const std::string& pem);

// A certificate with its chain, and its key, which must fit and not be encrypted. `whose` is
// "client" or "server", for messages.
[[nodiscard]] base::Result<> UseCertificate(ssl_ctx_st* context, const std::string& cert_pem,
                                            const std::string& key_pem, std::string_view whose);

// What OpenSSL says, without file names; empties its queue.
[[nodiscard]] std::string OpenSslReason();

}  // namespace seccompd::net
