// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/tls_server.h"

namespace seccompd::agent {

// The file of --web.config.file: of the exporter toolkit's format tls_server_config with cert_file,
// key_file, client_ca_file, client_auth_type and min_version. Any other key is an error that says
// so: a password or a limit that nobody enforces would be worse than none.
enum class ClientAuth { kNone, kIfGiven, kRequired };

struct WebTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
  ClientAuth client_auth = ClientAuth::kNone;
  bool only_tls13 = false;

  bool operator==(const WebTls&) const = default;
};

// nullopt: no TLS.
[[nodiscard]] base::Result<std::optional<WebTls>> ParseWebConfig(std::string_view text);

// That file in use, read again when it or a file that it names has changed. What is in force stays
// in force while the files cannot be used; TLS is never turned off by a change, only by a restart.
class WebConfigFile {
 public:
  // Relative names in the file are relative to its folder.
  [[nodiscard]] static base::Result<WebConfigFile> Open(std::string path);

  // Looks for a change, at most once a second; an error is of the files, and said once.
  [[nodiscard]] base::Result<> Refresh(base::MonoTime now);

  [[nodiscard]] const std::optional<net::TlsServerContext>& tls() const { return tls_; }
  [[nodiscard]] bool client_required() const { return client_required_; }
  [[nodiscard]] bool ok() const { return ok_; }  // of the last reading

 private:
  explicit WebConfigFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] base::Result<> Read();
  [[nodiscard]] std::string StateOfFiles() const;

  std::string path_;
  std::vector<std::string> files_;  // the file itself and those that it names
  std::string state_;               // of the files when they were read
  std::optional<net::TlsServerContext> tls_;
  bool client_required_ = false;
  bool ok_ = false;
  base::MonoTime looked_{};
};

}  // namespace seccompd::agent
