// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls_server.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/net/tls_pem.h"

namespace seccompd::net {

using base::ErrorCode;
using base::Fail;
using base::Result;

Result<TlsServerContext> TlsServerContext::Make(const TlsServerOptions& options) {
  TlsServerContext made;
  made.context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = made.context_.get();
  if (context == nullptr) {
    return Fail(ErrorCode::kInternal, "OpenSSL: no context: " + OpenSslReason());
  }
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const int least = options.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, least) != 1 ||
      SSL_CTX_set_num_tickets(context, 0) != 1) {
    return Fail(ErrorCode::kInternal, "OpenSSL: " + OpenSslReason());
  }
  TRY(UseCertificate(context, options.cert_pem, options.key_pem, "server"));
  if (!options.client_ca_pem.empty()) {
    TRY(TrustOnly(context, options.client_ca_pem));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  }
  return made;
}

bool ClientVerified(const ssl_st* session) {
  return SSL_get0_peer_certificate(session) != nullptr &&
         SSL_get_verify_result(session) == X509_V_OK;
}

}  // namespace seccompd::net
