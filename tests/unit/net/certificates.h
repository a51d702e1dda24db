// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

struct x509_st;
struct evp_pkey_st;

namespace seccompd::net {

struct CertificateOptions {
  std::vector<std::string> dns = {};
  std::vector<std::string> ips = {};
  std::string common_name = "test";
  int valid_from_days = -1;
  int valid_to_days = 1;
  bool authority = false;
};

// A certificate with its P-256 key, made in the test.
struct Certificate {
  std::string pem;
  std::string key_pem;
  std::shared_ptr<x509_st> x509;  // shared: signing a child needs it
  std::shared_ptr<evp_pkey_st> key;
};

// Signed by `issuer`, or by itself if that is null.
Certificate MakeCertificate(const CertificateOptions& options, const Certificate* issuer);
Certificate MakeAuthority(const std::string& name);

}  // namespace seccompd::net
