// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/unique_fd.h"
#include "common/net/http_server.h"
#include "common/net/supervisor.h"

namespace seccompd::net {

// A blocking client on plain sockets, so that a bug of the server's library cannot hide itself.
class RawClient {
 public:
  // `address` is HttpServer::address(): "127.0.0.1:1", "[::1]:1" or a path.
  explicit RawClient(const std::string& address);

  [[nodiscard]] bool connected() const { return fd_.valid(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void Send(std::string_view bytes) const;
  void FinishSending() const;  // half-close

  // Everything until the server closes or resets, or until the time is over.
  [[nodiscard]] std::string ReadAll(std::chrono::milliseconds timeout = std::chrono::seconds(20));
  // One response with Content-Length; "" if the server closed first. `head`: it has no body.
  [[nodiscard]] std::string ReadResponse(bool head = false);
  // True if the server closes (or resets) within the time without sending anything more.
  [[nodiscard]] bool ClosedWithin(std::chrono::milliseconds timeout);

 private:
  enum class Got { kBytes, kEnd, kTimeout };
  Got ReadSome(std::chrono::milliseconds timeout);

  base::UniqueFd fd_;
  std::string buffer_;
};

std::string BodyOf(const std::string& response);
// Value of a header, "" if absent.
std::string HeaderOf(const std::string& response, std::string_view name);
int StatusOf(const std::string& response);
std::string Get(const std::string& address, const std::string& path,
                const std::string& headers = "");

// A server on a thread of its own; the test is the client.
class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest();
  ~HttpServerTest() override;

  void StartTcp(HttpServerLimits limits = {}, const std::string& address = "127.0.0.1:0");
  void StartUnix(HttpServerLimits limits = {});
  // Ends the server; the outcome of its loops. May be called once.
  [[nodiscard]] base::Result<> Stop();
  // Asks the loop of the server.
  RequestCounts Requests();
  std::size_t Connections();
  [[nodiscard]] bool WaitForConnections(std::size_t count);

  std::string address_;
  std::string directory_;

 private:
  void Run(base::Result<HttpServer> server);

  boost::asio::io_context io_{1};
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<HttpServer> server_;
  base::Result<> outcome_;
  std::thread thread_;
};

}  // namespace seccompd::net
