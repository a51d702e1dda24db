// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/support/api_server.h"
#include "tests/support/api_watch.h"
#include "tests/support/api_wire.h"

namespace seccompd::test_support {

class ApiConnection;

// What the connections of one server share.
struct ApiShared {
  ApiState state;
  std::set<ApiConnection*> open;
  std::size_t accepted = 0;
};

// Serves one connection of the test API server, request after request.
class ApiConnection : public std::enable_shared_from_this<ApiConnection> {
 public:
  ApiConnection(ApiShared& shared, boost::asio::ip::tcp::socket socket,
                std::shared_ptr<boost::asio::ssl::context> tls);
  ~ApiConnection();
  ApiConnection(const ApiConnection&) = delete;
  ApiConnection& operator=(const ApiConnection&) = delete;

  static boost::asio::awaitable<void> Serve(std::shared_ptr<ApiConnection> self);

  void Wake() { timer_.cancel(); }
  void Cut();
  void SendRaw(const std::string& resource, const std::string& bytes);
  void EndWatch(const std::string& resource, WatchEnd end);
  [[nodiscard]] bool watching() const { return watch_.has_value(); }

 private:
  boost::asio::awaitable<bool> Answer(ApiRequest request);
  boost::asio::awaitable<bool> Send(ApiRequest request, ApiResponse response);
  boost::asio::awaitable<bool> Stream(ApiRequest request);
  boost::asio::awaitable<bool> SendEvents(std::vector<std::string> lines);
  boost::asio::awaitable<void> WaitUntil(std::chrono::steady_clock::time_point time);
  [[nodiscard]] std::optional<ApiFault> TakeFault(const ApiRequest& request);

  ApiShared& shared_;
  ApiWire wire_;
  boost::asio::steady_timer timer_;
  std::optional<ApiWatch> watch_;
  std::deque<std::string> raw_;
  std::optional<WatchEnd> end_;
  bool cut_ = false;
  std::uint64_t streams_ = 0;
  std::uint64_t id_;
};

}  // namespace seccompd::test_support
