// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "common/net/tls_pem.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// An encrypted key must fail, never ask on a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

bool IsIpAddress(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

Result<TlsContext> TlsContext::Make(const TlsOptions& options) {
  TlsContext made;
  ERR_clear_error();
  made.context_.reset(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* context = made.context_.get();
  if (context == nullptr) {
    return Fail(ErrorCode::kInternal, "OpenSSL: no context: " + OpenSslReason());
  }
  constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_default_passwd_cb(context, NoPassphrase);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle watch needs no record buffers
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context, kAlpn.data(), kAlpn.size()) != 0) {
    return Fail(ErrorCode::kInternal, "OpenSSL: " + OpenSslReason());
  }
  if (options.insecure_skip_verify) {
    made.verify_ = false;
  } else if (options.ca_pem.empty() && options.system_roots) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return Fail(ErrorCode::kInvalidArgument, "system CA certificates: " + OpenSslReason());
    }
  } else {
    TRY(TrustOnly(context, options.ca_pem));
  }
  SSL_CTX_set_verify(context, made.verify_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.client_cert_pem.empty() || !options.client_key_pem.empty()) {
    TRY(UseCertificate(context, options.client_cert_pem, options.client_key_pem, "client"));
  }
  made.server_name_ = options.server_name;
  return made;
}

Result<> TlsContext::Prepare(ssl_st* session, const std::string& host) const {
  const std::string& name = server_name_.empty() ? host : server_name_;
  const bool ip = IsIpAddress(name);
  ERR_clear_error();
  // SSL_set_tlsext_host_name without its old-style cast; the name is copied.
  bool ok = ip || SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                           const_cast<char*>(name.c_str())) == 1;
  if (verify_) {
    X509_VERIFY_PARAM* param = SSL_get0_param(session);
    X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // An intermediate CA may be all that a cluster gives its pods.
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    ok = ok && (ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str())
                   : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size())) == 1;
  }
  if (!ok) {
    return Fail(ErrorCode::kInvalidArgument, "TLS: bad server name: " + OpenSslReason());
  }
  return {};
}

std::string VerifyProblem(const ssl_st* session) {
  const long result = SSL_get_verify_result(session);
  return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

}  // namespace seccompd::net
