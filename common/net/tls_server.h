// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL, whose headers stay in .cc files
struct ssl_st;      // SSL

namespace seccompd::net {

struct TlsServerOptions {
  std::string cert_pem = {};       // with its chain
  std::string key_pem = {};        // not encrypted
  std::string client_ca_pem = {};  // who may vouch for clients; "": clients are not asked
  bool only_tls13 = false;         // else TLS 1.2 or newer
};

// What a TLS server shows and whom it trusts; a cheap handle on an immutable context. A client may
// come without a certificate: whether it needs one depends on what it asks for. One that does not
// verify ends the handshake. No session is resumed, so every connection is checked anew.
class TlsServerContext {
 public:
  // kInvalidArgument says which PEM is wrong and why.
  [[nodiscard]] static base::Result<TlsServerContext> Make(const TlsServerOptions& options);

  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsServerContext() = default;

  std::shared_ptr<ssl_ctx_st> context_;  // reference-counted by OpenSSL, too
};

// Whether the client of this session has shown a certificate that verified.
[[nodiscard]] bool ClientVerified(const ssl_st* session);

}  // namespace seccompd::net
