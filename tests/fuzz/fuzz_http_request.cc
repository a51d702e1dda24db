// SPDX-License-Identifier: Apache-2.0
// The bytes of one connection, given to the real server over a unix socket: whatever comes, it
// answers in HTTP or not at all, hands on only paths from the root, closes the connection and stays
// there for the next one.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/http_server.h"

namespace {

using namespace seccompd;

void Require(bool condition) {
  if (!condition) std::abort();
}

class World {
 public:
  World() {
    std::string folder = "/tmp/seccompd-fuzz-XXXXXX";
    Require(::mkdtemp(folder.data()) != nullptr);
    path_ = folder + "/socket";
    net::HttpServerLimits limits;
    limits.max_connections = 4;
    auto server = net::HttpServer::ListenUnix(io_, path_, Handle, limits);
    Require(server.has_value());
    server_.push_back(*std::move(server));
    boost::asio::co_spawn(io_, server_.front().Serve(), boost::asio::detached);
  }

  // Everything that the server says until it closes.
  std::string Talk(std::string_view bytes) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Require(client >= 0);
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the interface of connect(2)
    Require(::connect(client, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) == 0);
    // The server may have closed before it has all of it.
    (void)::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)::shutdown(client, SHUT_WR);
    std::string said;
    std::vector<char> buffer(65'536);
    for (int turns = 0;; ++turns) {
      Require(turns < 100'000);
      io_.poll();
      io_.restart();
      const ssize_t n = ::recv(client, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n > 0) said.append(buffer.data(), static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    }
    ::close(client);
    return said;
  }

 private:
  static net::Response Handle(const net::Request& request) {
    Require(request.path.starts_with('/'));
    (void)net::QualityOf(request.accept, "text/html");
    net::Response response;
    response.body = request.path == "/big" ? std::string(4'096, 'x') : request.path;
    return response;
  }

  boost::asio::io_context io_{1};
  std::string path_;
  std::vector<net::HttpServer> server_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string said = world.Talk({reinterpret_cast<const char*>(data), size});
  Require(said.empty() || said.starts_with("HTTP/1.1 ") || said.starts_with("HTTP/1.0 "));
  static std::uint32_t inputs = 0;
  if (++inputs % 64 == 0)
    Require(world.Talk("GET /alive HTTP/1.0\r\n\r\n").find("/alive") != std::string::npos);
  return 0;
}
