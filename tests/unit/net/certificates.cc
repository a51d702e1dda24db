// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/net/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace seccompd::net {
namespace {

template <class Write>
std::string Pem(const Write& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string AlternativeNames(const CertificateOptions& options) {
  std::string names;
  for (const std::string& dns : options.dns) names += (names.empty() ? "DNS:" : ",DNS:") + dns;
  for (const std::string& ip : options.ips) names += (names.empty() ? "IP:" : ",IP:") + ip;
  return names;
}

}  // namespace

Certificate MakeCertificate(const CertificateOptions& options, const Certificate* issuer) {
  Certificate made;
  made.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.x509.reset(X509_new(), X509_free);
  X509* certificate = made.x509.get();
  X509_set_version(certificate, 2);
  std::int64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 7);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 86'400L * options.valid_from_days);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * options.valid_to_days);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(options.common_name.c_str()),
                             -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->x509.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, made.key.get());
  AddExtension(certificate, NID_basic_constraints,
               options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  const std::string names = AlternativeNames(options);
  if (!names.empty()) AddExtension(certificate, NID_subject_alt_name, names);
  X509_sign(certificate, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  made.pem = Pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  made.key_pem = Pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return made;
}

Certificate MakeAuthority(const std::string& name) {
  return MakeCertificate({.common_name = name, .authority = true}, nullptr);
}

}  // namespace seccompd::net
