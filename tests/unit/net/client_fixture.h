// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "common/net/http_client.h"

namespace seccompd::net {

template <class T>
boost::asio::awaitable<void> Keep(boost::asio::awaitable<T> work, std::optional<T>* result) {
  T value = co_await std::move(work);
  result->emplace(std::move(value));
}

// Runs one coroutine to its end on `io`.
template <class T>
T RunOn(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
  std::optional<T> result;
  boost::asio::co_spawn(io, Keep(std::move(work), &result), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  io.restart();
  io.run();
  return std::move(result).value();
}

// Connects to a URL that is known to be good.
[[nodiscard]] inline base::Result<HttpConnection> ConnectTo(boost::asio::io_context& io,
                                                            const std::string& url,
                                                            std::optional<TlsContext> tls = {},
                                                            ConnectOptions options = {}) {
  return RunOn(io, HttpConnection::Connect(ParseUrl(url).value(), std::move(tls), options));
}

}  // namespace seccompd::net
