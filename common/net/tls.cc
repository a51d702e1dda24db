// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;
using X509Ptr = std::unique_ptr<X509, FreeX509>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

// What OpenSSL says, without file names; empties its queue.
std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

base::Error BadPem(std::string_view what) {
  return base::Error{.code = ErrorCode::kInvalidArgument,
                     .message = std::string(what) + ": " + OpenSslReason()};
}

// An encrypted key must fail, never ask on a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

BioPtr Open(const std::string& pem) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// The next certificate; null at the end, and `*bad` tells whether that is a proper one.
X509Ptr NextCertificate(BIO* bio, bool* bad) {
  ERR_clear_error();
  X509Ptr certificate(PEM_read_bio_X509(bio, nullptr, NoPassphrase, nullptr));
  if (certificate) return certificate;
  *bad = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  if (!*bad) ERR_clear_error();
  return nullptr;
}

Result<> TrustOnly(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = Open(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  bool bad = false;
  while (bio) {
    const X509Ptr certificate = NextCertificate(bio.get(), &bad);
    if (!certificate) break;
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return Fail(BadPem("CA certificate " + std::to_string(count + 1)));
    }
    ++count;
  }
  if (bad) return Fail(BadPem("CA certificate " + std::to_string(count + 1)));
  if (count == 0) {
    return Fail(ErrorCode::kInvalidArgument, "CA certificates: none found in the PEM text");
  }
  return {};
}

Result<> UseClientCertificate(SSL_CTX* context, const TlsOptions& options) {
  const BioPtr chain = Open(options.client_cert_pem);
  bool bad = false;
  const X509Ptr leaf = chain ? NextCertificate(chain.get(), &bad) : nullptr;
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Fail(BadPem("client certificate"));
  }
  for (;;) {
    const X509Ptr next = NextCertificate(chain.get(), &bad);
    if (!next) break;
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return Fail(BadPem("client certificate chain"));
    }
  }
  if (bad) return Fail(BadPem("client certificate chain"));
  const BioPtr key_bio = Open(options.client_key_pem);
  const KeyPtr key(key_bio ? PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr)
                           : nullptr);
  if (!key) return Fail(BadPem("client key (an encrypted one cannot be used)"));
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Fail(BadPem("client key does not belong to the client certificate"));
  }
  return {};
}

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
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      return Fail(BadPem("system CA certificates"));
  } else {
    TRY(TrustOnly(context, options.ca_pem));
  }
  SSL_CTX_set_verify(context, made.verify_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.client_cert_pem.empty() || !options.client_key_pem.empty()) {
    TRY(UseClientCertificate(context, options));
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
