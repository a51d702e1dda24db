// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/web_config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/base/strings.h"
#include "common/document/document.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kLookAgain{1'000};
constexpr std::array<std::pair<std::string_view, ClientAuth>, 3> kClientAuth = {
    {{"NoClientCert", ClientAuth::kNone},
     {"VerifyClientCertIfGiven", ClientAuth::kIfGiven},
     {"RequireAndVerifyClientCert", ClientAuth::kRequired}}};

base::Error Wrong(const Node& node, const std::string& what) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("line {}: {}", node.line, what)};
}

Result<ClientAuth> ClientAuthOf(const Node& node) {
  for (const auto& [name, value] : kClientAuth) {
    if (node.scalar == name) return value;
  }
  return Fail(Wrong(node, "client_auth_type '" + base::Printable(node.scalar) +
                              "' is not supported: give NoClientCert, VerifyClientCertIfGiven or "
                              "RequireAndVerifyClientCert"));
}

Result<bool> OnlyTls13(const Node& node) {
  if (node.scalar == "TLS13") return true;
  if (node.scalar == "TLS12") return false;
  return Fail(Wrong(node, "min_version must be TLS12 or TLS13"));
}

Result<> TakeTlsMember(const document::Member& member, WebTls* tls) {
  const Node& value = member.value;
  if (value.kind != Kind::kString) return Fail(Wrong(value, member.key + " must be a text"));
  if (member.key == "cert_file") {
    tls->cert_file = value.scalar;
  } else if (member.key == "key_file") {
    tls->key_file = value.scalar;
  } else if (member.key == "client_ca_file") {
    tls->client_ca_file = value.scalar;
  } else if (member.key == "client_auth_type") {
    TRY_ASSIGN(tls->client_auth, ClientAuthOf(value));
  } else if (member.key == "min_version") {
    TRY_ASSIGN(tls->only_tls13, OnlyTls13(value));
  } else {
    return Fail(
        Wrong(value, "tls_server_config." + base::Printable(member.key) + " is not supported"));
  }
  return {};
}

Result<WebTls> TlsOf(const Node& node) {
  if (node.kind != Kind::kObject) return Fail(Wrong(node, "tls_server_config must be a mapping"));
  WebTls tls;
  for (const document::Member& member : node.members) TRY(TakeTlsMember(member, &tls));
  if (tls.cert_file.empty() || tls.key_file.empty()) {
    return Fail(Wrong(node, "tls_server_config needs cert_file and key_file"));
  }
  if (tls.client_ca_file.empty() != (tls.client_auth == ClientAuth::kNone)) {
    return Fail(Wrong(node, "client_ca_file and a client_auth_type that verifies belong together"));
  }
  return tls;
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.eof()) {
    return Fail(ErrorCode::kNotFound, path + ": cannot be read, or is larger than 1 MiB");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

Result<std::optional<WebTls>> ParseWebConfig(std::string_view text) {
  TRY_ASSIGN(const auto documents, document::ParseYaml(text));
  std::optional<WebTls> tls;
  if (documents.empty()) return tls;
  if (documents.size() > 1 || documents.front().kind != Kind::kObject) {
    return Fail(ErrorCode::kInvalidArgument, "must be one mapping");
  }
  for (const document::Member& member : documents.front().members) {
    if (member.key != "tls_server_config") {
      return Fail(Wrong(member.value, "'" + base::Printable(member.key) +
                                          "' is not supported: only tls_server_config is"));
    }
    if (tls) return Fail(Wrong(member.value, "tls_server_config is given twice"));
    TRY_ASSIGN(tls, TlsOf(member.value));
  }
  return tls;
}

Result<WebConfigFile> WebConfigFile::Open(std::string path) {
  WebConfigFile file(std::move(path));
  TRY(file.Read());
  return file;
}

Result<> WebConfigFile::Read() {
  ok_ = false;
  files_ = {path_};
  state_ = StateOfFiles();
  const auto named = [this](const std::string& name) {
    std::string path = std::filesystem::path(path_).parent_path() / name;  // an absolute one stays
    files_.push_back(path);
    state_ = StateOfFiles();
    return ReadFile(path);
  };
  TRY_ASSIGN(const std::string text, ReadFile(path_));
  auto parsed = ParseWebConfig(text);
  if (!parsed) return Fail(base::WithContext(std::move(parsed).error(), path_));
  if (!*parsed) {
    if (tls_) return Fail(ErrorCode::kInvalidArgument, path_ + ": TLS ends only with a restart");
    ok_ = true;
    return {};
  }
  const WebTls& config = **parsed;
  net::TlsServerOptions options{.only_tls13 = config.only_tls13};
  TRY_ASSIGN(options.cert_pem, named(config.cert_file));
  TRY_ASSIGN(options.key_pem, named(config.key_file));
  if (!config.client_ca_file.empty()) {
    TRY_ASSIGN(options.client_ca_pem, named(config.client_ca_file));
  }
  auto made = net::TlsServerContext::Make(options);
  if (!made) return Fail(base::WithContext(std::move(made).error(), path_));
  tls_ = *std::move(made);
  client_required_ = config.client_auth == ClientAuth::kRequired;
  ok_ = true;
  return {};
}

std::string WebConfigFile::StateOfFiles() const {
  std::string text;
  for (const std::string& file : files_) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) {
      text += "gone;";
      continue;
    }
    text += fmt::format("{} {} {} {}.{};", info.st_dev, info.st_ino, info.st_size,
                        info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return text;
}

Result<> WebConfigFile::Refresh(base::MonoTime now) {
  if (now - looked_ < kLookAgain) return {};
  looked_ = now;
  if (StateOfFiles() == state_) return {};
  return Read();
}

}  // namespace seccompd::agent
