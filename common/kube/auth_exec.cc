// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_exec.h"

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/kube/field.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr document::Limits kLimits = {
    .bytes = std::size_t{1} << 20, .depth = 16, .nodes = 10'000, .documents = 1};
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const unsigned char byte = k < group.size() ? static_cast<unsigned char>(group[k]) : 0;
      bits = bits << 8 | byte;
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= group.size() ? kBase64[bits >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

std::string Quoted(std::string_view text) { return '"' + base::EscapeJson(text) + '"'; }

}  // namespace

Result<ExecCredential> ParseExecCredential(std::string_view text, std::string_view api_version) {
  const auto parsed = document::ParseJson(text, kLimits);
  if (!parsed || parsed->kind != document::Kind::kObject) {
    return Fail(ErrorCode::kInvalidArgument, "the plugin's output is not a JSON object");
  }
  TRY_ASSIGN(const std::string kind, StringField(*parsed, "kind"));
  TRY_ASSIGN(const std::string version, StringField(*parsed, "apiVersion"));
  if (kind != "ExecCredential" || version != api_version) {
    return Fail(ErrorCode::kInvalidArgument, "the plugin printed " + base::Printable(version) +
                                                 " " + base::Printable(kind) + ", not " +
                                                 std::string(api_version) + " ExecCredential");
  }
  TRY_ASSIGN(const document::Node* status, ObjectField(*parsed, "status"));
  if (status == nullptr) return Fail(ErrorCode::kInvalidArgument, "the plugin gave no status");
  ExecCredential credential;
  TRY_ASSIGN(credential.token, StringField(*status, "token"));
  TRY_ASSIGN(credential.client_cert_pem, StringField(*status, "clientCertificateData"));
  TRY_ASSIGN(credential.client_key_pem, StringField(*status, "clientKeyData"));
  if (credential.client_cert_pem.empty() != credential.client_key_pem.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the plugin gave only one of clientCertificateData and clientKeyData");
  }
  if (credential.token.empty() && credential.client_cert_pem.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the plugin gave no token and no certificate");
  }
  TRY_ASSIGN(const std::string expires, StringField(*status, "expirationTimestamp"));
  if (expires.empty()) return credential;
  credential.expires = base::ParseTime(expires);
  if (!credential.expires) {
    return Fail(ErrorCode::kInvalidArgument,
                "the plugin's expirationTimestamp is no RFC 3339 time");
  }
  return credential;
}

std::string ExecInfo(const ClusterConfig& config, std::string_view ca_pem) {
  const ExecConfig& exec = *config.user.exec;
  // Never interactive: nobody may be at the other end of stdin.
  std::string spec = R"("interactive":false)";
  if (exec.provide_cluster_info) {
    const net::Url& server = config.server;
    const std::string url =
        (server.tls ? "https://" : "http://") + server.Authority() + server.prefix;
    std::string cluster = R"("server":)" + Quoted(url);
    if (!config.tls_server_name.empty()) {
      cluster += R"(,"tls-server-name":)" + Quoted(config.tls_server_name);
    }
    if (config.insecure_skip_verify) cluster += R"(,"insecure-skip-tls-verify":true)";
    if (!ca_pem.empty()) {
      cluster += R"(,"certificate-authority-data":)" + Quoted(EncodeBase64(ca_pem));
    }
    if (!exec.cluster_extension.empty()) cluster += R"(,"config":)" + exec.cluster_extension;
    spec += R"(,"cluster":{)" + cluster + "}";
  }
  return R"({"kind":"ExecCredential","apiVersion":)" + Quoted(exec.api_version) + R"(,"spec":{)" +
         spec + "}}";
}

}  // namespace seccompd::kube
