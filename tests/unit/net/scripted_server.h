// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/unique_fd.h"
#include "tests/unit/net/certificates.h"

struct ssl_st;
struct ssl_ctx_st;

namespace seccompd::net {

// The server's end of one connection: blocking, with or without TLS.
class Peer {
 public:
  Peer(int fd, ssl_st* session) : fd_(fd), session_(session) {}

  // Everything up to the end of the next header; "" if the client went away.
  std::string ReadRequest();
  void Write(std::string_view bytes);
  // Byte by byte with pauses, until written or the client went away.
  void Drip(std::string_view bytes, std::chrono::milliseconds pause);
  // Returns when the client has closed.
  void WaitForClose();
  // The name that the client asked for by SNI, "" if none.
  [[nodiscard]] std::string ServerName() const;
  [[nodiscard]] bool alive() const { return alive_; }

 private:
  long Read(char* data, std::size_t size);

  int fd_;
  ssl_st* session_;
  std::string buffer_;
  bool alive_ = true;
};

struct ServerTls {
  Certificate certificate;
  std::string chain_pem = {};      // sent after it
  std::string client_ca_pem = {};  // not empty: clients must have a certificate of this CA
  int max_version = 0;             // of TLS, 0 for any
};

// Runs `script` for each connection, one at a time, on a thread of its own.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;
  explicit ScriptedServer(Script script, const ServerTls* tls = nullptr,
                          const std::string& host = "127.0.0.1");
  // Listens on a unix socket.
  static std::unique_ptr<ScriptedServer> AtPath(const std::string& path, Script script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string Url(const std::string& host = "") const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  ScriptedServer(Script script, base::UniqueFd listener, std::string address);
  void UseTls(const ServerTls& tls);
  void Serve();
  void ServeOne(int fd);

  Script script_;
  base::UniqueFd listener_;
  base::UniqueFd stop_;
  std::string address_;
  std::shared_ptr<ssl_ctx_st> context_;
  std::atomic<int> connections_ = 0;
  std::atomic<int> current_ = -1;
  std::thread thread_;
};

}  // namespace seccompd::net
