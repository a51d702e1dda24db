// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_credentials.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/kube/auth_exec.h"
#include "common/kube/auth_files.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using std::chrono::milliseconds;

constexpr std::size_t kMaxTokenBytes = 65'536;
constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;
constexpr milliseconds kLongest = std::chrono::hours(24 * 365);  // far from an overflow

Result<std::string> ReadPem(const PemSource& source) {
  if (!source.pem.empty() || source.file.empty()) return source.pem;
  return ReadConfigFile(source.file, kMaxPemBytes);
}

// Notes the first problem; whether something changed.
bool Settle(const Result<bool>& read, CredentialChange* change) {
  if (read) return *read;
  if (change->problem.empty()) change->problem = read.error().message;
  return false;
}

}  // namespace

Result<> Credentials::BuildTls(const net::TlsOptions& options) {
  if (config_.server.tls) {
    TRY_ASSIGN(tls_, net::TlsContext::Make(options));
  }
  tls_options_ = options;
  ++generation_;
  return {};
}

Result<bool> Credentials::ReadToken() {
  if (config_.user.token_file.empty()) return false;
  TRY_ASSIGN(const std::string text, ReadConfigFile(config_.user.token_file, kMaxTokenBytes));
  const std::string_view token = base::TrimSpace(text);
  if (token.empty()) {
    return Fail(ErrorCode::kCorrupt,
                base::Printable(config_.user.token_file) + ": the token is empty");
  }
  if (token == token_) return false;
  token_ = token;
  return true;
}

Result<bool> Credentials::ReadAuthority() {
  if (config_.ca.file.empty() || !config_.ca.pem.empty()) return false;
  TRY_ASSIGN(const std::string pem, ReadConfigFile(config_.ca.file, kMaxPemBytes));
  if (pem == tls_options_.ca_pem) return false;
  if (pem.empty()) {
    return Fail(ErrorCode::kCorrupt, base::Printable(config_.ca.file) + ": is empty");
  }
  net::TlsOptions options = tls_options_;
  options.ca_pem = pem;
  const auto built = BuildTls(options);
  if (!built) return Fail(base::WithContext(built.error(), base::Printable(config_.ca.file)));
  return true;
}

Result<bool> Credentials::ReadClientCertificate() {
  const UserConfig& user = config_.user;
  if (user.client_cert.file.empty() && user.client_key.file.empty()) return false;
  net::TlsOptions options = tls_options_;
  TRY_ASSIGN(options.client_cert_pem, ReadPem(user.client_cert));
  TRY_ASSIGN(options.client_key_pem, ReadPem(user.client_key));
  if (options.client_cert_pem == tls_options_.client_cert_pem &&
      options.client_key_pem == tls_options_.client_key_pem) {
    return false;
  }
  TRY(BuildTls(options));
  return true;
}

// A clock that is wrong makes a fresh answer look old: then once per `retry`, not at every request.
bool Credentials::PluginIsDue(base::MonoTime now, base::WallTime wall) const {
  if (!plugin_expires_ || now < plugin_not_before_) return false;
  return wall >= *plugin_expires_ || now >= *plugin_ends_;
}

Result<bool> Credentials::ReadPlugin(base::MonoTime now, base::WallTime wall) {
  const std::optional<ExecConfig>& exec = config_.user.exec;
  if (!exec) return false;
  plugin_not_before_ = now + options_.retry;
  if (!options_.run_plugin) {
    return Fail(ErrorCode::kFailedPrecondition,
                "credential plugin '" + base::Printable(exec->command) +
                    "': this command runs no other program; give a token or certificate");
  }
  auto printed = options_.run_plugin(*exec, ExecInfo(config_, tls_options_.ca_pem));
  if (!printed) return Fail(printed.error());
  auto parsed = ParseExecCredential(*printed, exec->api_version);
  if (!parsed) {
    return Fail(base::WithContext(parsed.error(),
                                  "credential plugin '" + base::Printable(exec->command) + "'"));
  }
  const bool new_token = parsed->token != token_;
  const bool new_cert = parsed->client_cert_pem != tls_options_.client_cert_pem;
  if (new_cert) {
    net::TlsOptions options = tls_options_;
    options.client_cert_pem = parsed->client_cert_pem;
    options.client_key_pem = parsed->client_key_pem;
    TRY(BuildTls(options));
  }
  token_ = parsed->token;
  plugin_expires_ = parsed->expires;
  plugin_ends_.reset();
  if (plugin_expires_) {
    plugin_ends_ =
        now + std::clamp<milliseconds>(*plugin_expires_ - wall, milliseconds(0), kLongest);
  }
  return new_token || new_cert;
}

Result<Credentials> Credentials::Open(ClusterConfig config, CredentialOptions options,
                                      base::MonoTime now, base::WallTime wall) {
  Credentials made;
  made.config_ = std::move(config);
  made.options_ = std::move(options);
  const ClusterConfig& cluster = made.config_;
  net::TlsOptions tls;
  TRY_ASSIGN(tls.ca_pem, ReadPem(cluster.ca));
  TRY_ASSIGN(tls.client_cert_pem, ReadPem(cluster.user.client_cert));
  TRY_ASSIGN(tls.client_key_pem, ReadPem(cluster.user.client_key));
  tls.system_roots = cluster.ca.empty();
  tls.server_name = cluster.tls_server_name;
  tls.insecure_skip_verify = cluster.insecure_skip_verify;
  TRY(made.BuildTls(tls));
  made.token_ = cluster.user.token;
  TRY(made.ReadToken());
  TRY(made.ReadPlugin(now, wall));
  made.token_due_ = now + made.options_.refresh - made.options_.leeway;
  made.ca_due_ = now + made.options_.refresh;
  made.cert_due_ = now + made.options_.cert_refresh;
  return made;
}

CredentialChange Credentials::Refresh(base::MonoTime now, base::WallTime wall) {
  CredentialChange change;
  const bool again = std::exchange(distrusted_, false);
  const std::uint64_t before = generation_;
  if (again || now >= token_due_) {
    change.token = Settle(ReadToken(), &change);
    token_due_ = now + options_.refresh - options_.leeway;
  }
  if (again || PluginIsDue(now, wall)) change.token |= Settle(ReadPlugin(now, wall), &change);
  if (now >= ca_due_) {
    static_cast<void>(Settle(ReadAuthority(), &change));
    ca_due_ = now + options_.refresh;
  }
  if (again || now >= cert_due_) {
    const Result<bool> read = ReadClientCertificate();
    static_cast<void>(Settle(read, &change));
    // Certificate and key are two files: between their writes they do not fit.
    cert_due_ = now + (read ? options_.cert_refresh : options_.retry);
  }
  change.tls = generation_ != before;
  return change;
}

}  // namespace seccompd::kube
