// SPDX-License-Identifier: Apache-2.0
#include "common/net/resolve.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <tuple>
#include <utility>

#include "common/base/strings.h"
#include "common/net/errors.h"

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::ErrorCode;
using base::Fail;
using base::Result;
using boost::system::error_code;
using Endpoints = std::vector<tcp::endpoint>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Shared by the waiting coroutine and the resolver's handler, whichever lives longer.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), timer(executor) {}
  tcp::resolver resolver;
  asio::steady_timer timer;
  error_code code;
  Endpoints endpoints;
  bool done = false;
};

void Start(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port) {
  lookup->resolver.async_resolve(
      host, std::to_string(port), tcp::resolver::numeric_service,
      [lookup](const error_code& code, const tcp::resolver::results_type& results) {
        lookup->code = code;
        for (const auto& entry : results) lookup->endpoints.push_back(entry.endpoint());
        lookup->done = true;
        lookup->timer.cancel();
      });
}

}  // namespace

asio::awaitable<Result<Endpoints>> Resolve(std::string host, std::uint16_t port,
                                           base::MonoTime deadline) {
  error_code not_an_address;
  const asio::ip::address address = asio::ip::make_address(host, not_an_address);
  if (!not_an_address) co_return Endpoints(1, tcp::endpoint(address, port));
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->timer.expires_at(deadline);
  Start(lookup, host, port);
  const std::tuple<error_code> waited = co_await lookup->timer.async_wait(kAwait);
  const std::string context = "look up '" + base::Printable(host) + "'";
  if (!lookup->done) {
    lookup->resolver.cancel();
    if (std::get<0>(waited)) co_return Fail(ErrorCode::kCancelled, context + ": asked to stop");
    co_return Fail(ErrorCode::kDeadlineExceeded, context + ": no answer in time");
  }
  if (lookup->code || lookup->endpoints.empty()) {
    co_return Fail(ErrorCode::kUnavailable, context + ": " + lookup->code.message());
  }
  co_return lookup->endpoints;
}

}  // namespace seccompd::net
