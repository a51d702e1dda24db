// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL, whose headers stay in .cc files
struct ssl_st;      // SSL

namespace seccompd::net {

struct TlsOptions {
  std::string ca_pem = {};            // whom to trust: one certificate or more, nobody else
  bool system_roots = false;          // instead of ca_pem: costs 4 MB, so for the command line only
  std::string client_cert_pem = {};   // with its chain; "" for none
  std::string client_key_pem = {};    // not encrypted
  std::string server_name = {};       // to ask for and check instead of the URL's host
  bool insecure_skip_verify = false;  // anybody may answer: only what a kubeconfig says explicitly
};

// What a TLS client trusts and who it is; a cheap handle on an immutable context. TLS 1.2 or newer,
// the server's certificate checked for its DNS or IP subject alternative name, never for its common
// name. A trusted certificate need not be a root, as in Go.
class TlsContext {
 public:
  // kInvalidArgument says which PEM is wrong and why.
  [[nodiscard]] static base::Result<TlsContext> Make(const TlsOptions& options);

  // For HttpConnection: sets what one session asks for and checks. An IP address is sent as no SNI.
  [[nodiscard]] base::Result<> Prepare(ssl_st* session, const std::string& host) const;
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsContext() = default;

  std::shared_ptr<ssl_ctx_st> context_;  // reference-counted by OpenSSL, too; copied to share it
  std::string server_name_;
  bool verify_ = true;
};

// Why the server's certificate was refused, "hostname mismatch"; "" if it was not.
[[nodiscard]] std::string VerifyProblem(const ssl_st* session);

}  // namespace seccompd::net
