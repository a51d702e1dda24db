// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/kube/cluster_config.h"
#include "common/net/tls.h"

namespace seccompd::kube {

// Runs a credential plugin with KUBERNETES_EXEC_INFO and gives what it printed (auth_exec_run.h).
// The agent has none: it may not fork.
using RunPlugin =
    std::function<base::Result<std::string>(const ExecConfig& exec, const std::string& exec_info)>;

struct CredentialOptions {
  std::chrono::milliseconds refresh{60'000};        // of token and CA files ...
  std::chrono::milliseconds leeway{10'000};         // ... but this much earlier (token_source.go)
  std::chrono::milliseconds cert_refresh{300'000};  // of client certificates (cert_rotation.go)
  // A plugin whose answer has expired already, or that failed, and a certificate that does not fit
  // its key are asked again after this, or at once after a 401.
  std::chrono::milliseconds retry{60'000};
  RunPlugin run_plugin = {};
};

// What Refresh found new; for metrics and the log.
struct CredentialChange {
  bool token = false;
  bool tls = false;     // CA or client certificate: connections made before should not be reused
  std::string problem;  // what could not be read or used; the old is kept
};

// The bearer token and the TLS context of one cluster, re-read from their files as client-go does:
// on a schedule, at once after a 401, and what cannot be read or parsed never replaces what works.
class Credentials {
 public:
  // Reads everything once; any failure is an error here.
  [[nodiscard]] static base::Result<Credentials> Open(ClusterConfig config,
                                                      CredentialOptions options, base::MonoTime now,
                                                      base::WallTime wall);

  // Re-reads what is due. `wall` is only compared with a plugin's expirationTimestamp; a credential
  // also ends when its time has passed by `now`, wherever the wall clock was set to.
  CredentialChange Refresh(base::MonoTime now, base::WallTime wall);
  // The server answered 401: the next Refresh reads token, plugin and certificates again.
  void Distrust() { distrusted_ = true; }

  [[nodiscard]] const ClusterConfig& config() const { return config_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] const std::optional<net::TlsContext>& tls() const { return tls_; }
  // Grows whenever tls() is another one.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  Credentials() = default;

  [[nodiscard]] base::Result<bool> ReadToken();
  [[nodiscard]] base::Result<bool> ReadPlugin(base::MonoTime now, base::WallTime wall);
  [[nodiscard]] base::Result<bool> ReadAuthority();
  [[nodiscard]] base::Result<bool> ReadClientCertificate();
  [[nodiscard]] base::Result<> BuildTls(const net::TlsOptions& options);
  [[nodiscard]] bool PluginIsDue(base::MonoTime now, base::WallTime wall) const;

  ClusterConfig config_;
  CredentialOptions options_;
  std::string token_;
  net::TlsOptions tls_options_;
  std::optional<net::TlsContext> tls_;
  std::uint64_t generation_ = 0;
  bool distrusted_ = false;
  std::optional<base::WallTime> plugin_expires_;
  std::optional<base::MonoTime> plugin_ends_;  // the same by the steady clock
  base::MonoTime plugin_not_before_;
  base::MonoTime token_due_;
  base::MonoTime ca_due_;
  base::MonoTime cert_due_;
};

}  // namespace seccompd::kube
