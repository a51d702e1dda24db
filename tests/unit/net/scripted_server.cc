// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/net/scripted_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "common/net/listen.h"

namespace seccompd::net {
namespace {

X509* FirstCertificate(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
}

Listener ListenOn(const std::string& host) {
  return ListenOnTcp({.host = host, .port = 0}).value();
}

}  // namespace

long Peer::Read(char* data, std::size_t size) {
  const long got = session_ != nullptr ? SSL_read(session_, data, static_cast<int>(size))
                                       : ::recv(fd_, data, size, 0);
  if (got <= 0) alive_ = false;
  return got;
}

std::string Peer::ReadRequest() {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string request = buffer_.substr(0, end + 4);
      buffer_.erase(0, end + 4);
      return request;
    }
    std::array<char, 4096> chunk;
    const long got = Read(chunk.data(), chunk.size());
    if (got <= 0) return "";
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

void Peer::Write(std::string_view bytes) {
  while (alive_ && !bytes.empty()) {
    const long sent = session_ != nullptr
                          ? SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      alive_ = false;
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
}

void Peer::Drip(std::string_view bytes, std::chrono::milliseconds pause) {
  for (std::size_t i = 0; i < bytes.size() && alive_; ++i) {
    Write(bytes.substr(i, 1));
    std::this_thread::sleep_for(pause);
  }
}

void Peer::WaitForClose() {
  std::array<char, 4096> chunk;
  while (Read(chunk.data(), chunk.size()) > 0) {
  }
}

std::string Peer::ServerName() const {
  const char* name = SSL_get_servername(session_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

ScriptedServer::ScriptedServer(Script script, const ServerTls* tls, const std::string& host)
    : script_(std::move(script)) {
  Listener listener = ListenOn(host);
  listener_ = std::move(listener.fd);
  address_ = listener.address;
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  if (tls != nullptr) UseTls(*tls);
  thread_ = std::thread([this] { Serve(); });
}

ScriptedServer::ScriptedServer(Script script, base::UniqueFd listener, std::string address)
    : script_(std::move(script)),
      listener_(std::move(listener)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      address_(std::move(address)) {
  thread_ = std::thread([this] { Serve(); });
}

std::unique_ptr<ScriptedServer> ScriptedServer::AtPath(const std::string& path, Script script) {
  Listener listener = ListenOnUnix(path).value();
  return std::unique_ptr<ScriptedServer>(
      new ScriptedServer(std::move(script), std::move(listener.fd), listener.address));
}

ScriptedServer::~ScriptedServer() {
  ::eventfd_write(stop_.get(), 1);
  const int fd = current_;
  if (fd >= 0) ::shutdown(fd, SHUT_RDWR);
  thread_.join();
}

void ScriptedServer::UseTls(const ServerTls& tls) {
  context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = context_.get();
  SSL_CTX_use_certificate(context, tls.certificate.x509.get());
  SSL_CTX_use_PrivateKey(context, tls.certificate.key.get());
  if (!tls.chain_pem.empty()) SSL_CTX_add0_chain_cert(context, FirstCertificate(tls.chain_pem));
  if (tls.max_version != 0) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_max_proto_version(context, tls.max_version);
  }
  if (!tls.client_ca_pem.empty()) {
    X509* ca = FirstCertificate(tls.client_ca_pem);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    X509_free(ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
}

void ScriptedServer::Serve() {
  // OpenSSL writes without MSG_NOSIGNAL. Only this thread: the client under test must never need
  // it.
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    std::array<pollfd, 2> polls = {pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    ::poll(polls.data(), polls.size(), -1);
    if (polls[1].revents != 0) return;
    const base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    current_ = fd.get();
    pollfd stopped{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&stopped, 1, 0) == 0) ServeOne(fd.get());
    current_ = -1;
  }
}

void ScriptedServer::ServeOne(int fd) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(
      context_ ? SSL_new(context_.get()) : nullptr, SSL_free);
  if (session) {
    SSL_set_fd(session.get(), fd);
    if (SSL_accept(session.get()) != 1) return;
  }
  Peer peer(fd, session.get());
  script_(peer);
}

std::string ScriptedServer::Url(const std::string& host) const {
  const std::string port = address_.substr(address_.rfind(':'));
  return (context_ ? "https://" : "http://") + (host.empty() ? address_ : host + port);
}

}  // namespace seccompd::net
