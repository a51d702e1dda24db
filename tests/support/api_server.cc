// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_server.h"

#include <fcntl.h>

#include <cstdlib>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <list>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "tests/support/api_connection.h"

namespace seccompd::test_support {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::shared_ptr<asio::ssl::context> MakeTls(const std::string& cert, const std::string& key) {
  if (cert.empty()) return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  context->use_certificate_chain(asio::buffer(cert));
  context->use_private_key(asio::buffer(key), asio::ssl::context::pem);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

class ApiServer::Impl {
 public:
  explicit Impl(const ApiServerOptions& options)
      : acceptor_(io_), tls_(MakeTls(options.cert_pem, options.key_pem)) {
    endpoint_ = Tcp::endpoint(asio::ip::make_address(options.host), options.port);
    Listen();
    endpoint_ = acceptor_.local_endpoint();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Impl() {
    asio::post(io_, [this] {
      StopListening();
      work_.reset();
    });
    thread_.join();
  }

  void Listen() {
    acceptor_.open(endpoint_.protocol());
    // An agent that the test starts must not listen in our place after Stop.
    if (::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC) != 0) std::abort();
    acceptor_.set_option(Tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint_);
    acceptor_.listen(4096);
    asio::co_spawn(io_, Accept(), asio::detached);
  }
  void StopListening() {
    error_code ignored;
    acceptor_.close(ignored);
    for (ApiConnection* connection : shared_.open) connection->Cut();
  }
  void Wake() {
    for (ApiConnection* connection : shared_.open) connection->Wake();
  }

  awaitable<void> Accept() {
    for (;;) {
      std::tuple<error_code, Tcp::socket> accepted = co_await acceptor_.async_accept(kAwait);
      const error_code code = std::get<0>(accepted);
      if (code == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (code) continue;
      ++shared_.accepted;
      auto connection =
          std::make_shared<ApiConnection>(shared_, std::get<1>(std::move(accepted)), tls_);
      asio::co_spawn(io_, ApiConnection::Serve(connection), asio::detached);
    }
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  Tcp::acceptor acceptor_;
  Tcp::endpoint endpoint_;
  std::shared_ptr<asio::ssl::context> tls_;
  ApiShared shared_;
  std::thread thread_;
};

ApiServer::ApiServer(ApiServerOptions options)
    : options_(std::move(options)), impl_(std::make_unique<Impl>(options_)) {
  port_ = impl_->endpoint_.port();
}
ApiServer::~ApiServer() = default;

std::string ApiServer::Url(std::string_view host) const {
  std::string name(host.empty() ? std::string_view(options_.host) : host);
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return (options_.cert_pem.empty() ? "http://" : "https://") + name + ":" + std::to_string(port_);
}

void ApiServer::Post(std::function<void(ApiState&)> work) {
  std::promise<void> done;
  asio::post(impl_->io_, [&] {
    work(impl_->shared_.state);
    impl_->Wake();
    done.set_value();
  });
  done.get_future().wait();
}

std::uint64_t ApiServer::Put(const std::string& resource, const std::string& json) {
  return With([&](ApiState& state) {
    boost::json::object object = boost::json::parse(json).as_object();
    return state.store.Put(resource, std::move(object));
  });
}

void ApiServer::Remove(const std::string& resource, const std::string& name_space,
                       const std::string& name) {
  With([&](ApiState& state) {
    if (!state.store.Remove(resource, name_space, name)) throw std::runtime_error("no " + name);
  });
}

void ApiServer::Fail(ApiFault fault) {
  With([&](ApiState& state) { state.behaviour.faults.push_back(std::move(fault)); });
}

void ApiServer::SendRaw(const std::string& resource, const std::string& bytes) {
  With([&](ApiState&) {
    for (ApiConnection* connection : impl_->shared_.open) connection->SendRaw(resource, bytes);
  });
}

void ApiServer::EndWatches(WatchEnd end, const std::string& resource) {
  With([&](ApiState&) {
    for (ApiConnection* connection : impl_->shared_.open) connection->EndWatch(resource, end);
  });
}

std::size_t ApiServer::open_watches() {
  return With([&](ApiState&) {
    const auto& open = impl_->shared_.open;
    const auto count = std::count_if(open.begin(), open.end(),
                                     [](const ApiConnection* c) { return c->watching(); });
    return static_cast<std::size_t>(count);
  });
}

std::vector<ApiRequest> ApiServer::Requests(const std::string& verb) {
  return With([&](ApiState& state) {
    std::vector<ApiRequest> found;
    for (const ApiRequest& request : state.requests) {
      if (verb.empty() || request.verb == verb) found.push_back(request);
    }
    return found;
  });
}

std::size_t ApiServer::CountRequests(const std::string& verb) { return Requests(verb).size(); }

std::size_t ApiServer::connections() {
  return With([&](ApiState&) { return impl_->shared_.accepted; });
}

void ApiServer::Stop() {
  With([&](ApiState&) { impl_->StopListening(); });
}

void ApiServer::Start() {
  With([&](ApiState&) { impl_->Listen(); });
}

void ApiServer::UseCertificate(const std::string& cert_pem, const std::string& key_pem) {
  With([&](ApiState&) { impl_->tls_ = MakeTls(cert_pem, key_pem); });
}

}  // namespace seccompd::test_support
