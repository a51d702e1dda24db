// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <limits>
#include <memory>

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

}  // namespace

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

Result<> UseCertificate(SSL_CTX* context, const std::string& cert_pem, const std::string& key_pem,
                        std::string_view whose) {
  const std::string prefix(whose);
  const BioPtr chain = Open(cert_pem);
  bool bad = false;
  const X509Ptr leaf = chain ? NextCertificate(chain.get(), &bad) : nullptr;
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Fail(BadPem(prefix + " certificate"));
  }
  for (;;) {
    const X509Ptr next = NextCertificate(chain.get(), &bad);
    if (!next) break;
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return Fail(BadPem(prefix + " certificate chain"));
    }
  }
  if (bad) return Fail(BadPem(prefix + " certificate chain"));
  const BioPtr key_bio = Open(key_pem);
  const KeyPtr key(key_bio ? PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr)
                           : nullptr);
  if (!key) return Fail(BadPem(prefix + " key (an encrypted one cannot be used)"));
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Fail(BadPem(prefix + " key does not belong to the " + prefix + " certificate"));
  }
  return {};
}

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace seccompd::net
