// SPDX-License-Identifier: Apache-2.0
#include "common/net/listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::UniqueFd;
using testing::HasSubstr;
using testing::StartsWith;

class ListenOnUnixTest : public testing::Test {
 protected:
  ListenOnUnixTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "seccompd-listen-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ListenOnUnixTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string Socket() const { return directory_ / "run" / "status.sock"; }
  std::filesystem::path directory_;
};

UniqueFd ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(ListenOnTcp, PortZeroPicksOne) {
  const auto listener = ListenOnTcp({.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_THAT(listener->address, StartsWith("127.0.0.1:"));
  EXPECT_NE(listener->address, "127.0.0.1:0");
  EXPECT_EQ(::fcntl(listener->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(ListenOnTcp, Ipv6InBrackets) {
  const auto listener = ListenOnTcp({.host = "::1", .port = 0});
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_THAT(listener->address, StartsWith("[::1]:"));
}

TEST(ListenOnTcp, EmptyHostTakesBothFamilies) {
  const auto listener = ListenOnTcp({.host = "", .port = 0});
  ASSERT_TRUE(listener) << listener.error().message;
  const auto port = static_cast<std::uint16_t>(
      std::stoi(listener->address.substr(listener->address.rfind(':') + 1)));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4), 0);
}

TEST(ListenOnTcp, PortInUseNamesTheAddress) {
  const auto first = ListenOnTcp({.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(first);
  const auto port =
      static_cast<std::uint16_t>(std::stoi(first->address.substr(first->address.rfind(':') + 1)));
  const auto second = ListenOnTcp({.host = "127.0.0.1", .port = port});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("listen on " + first->address));
}

TEST_F(ListenOnUnixTest, SocketAndFolderArePrivate) {
  const auto listener = ListenOnUnix(Socket());
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_EQ(listener->address, Socket());
  EXPECT_EQ(ModeOf(Socket()), 0600U);
  EXPECT_EQ(ModeOf(directory_ / "run"), 0700U);
}

TEST_F(ListenOnUnixTest, DeadSocketIsReplaced) {
  { ASSERT_TRUE(ListenOnUnix(Socket())); }
  ASSERT_FALSE(ConnectTo(Socket()).valid());
  const auto listener = ListenOnUnix(Socket());
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_TRUE(ConnectTo(Socket()).valid());
}

TEST_F(ListenOnUnixTest, LiveSocketStays) {
  const auto first = ListenOnUnix(Socket());
  ASSERT_TRUE(first);
  const auto second = ListenOnUnix(Socket());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(ConnectTo(Socket()).valid());
}

TEST_F(ListenOnUnixTest, OtherFileIsNotTouched) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_ / "run"));
  std::ofstream(Socket()) << "precious";
  const auto listener = ListenOnUnix(Socket());
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(Socket()), 8U);
}

TEST_F(ListenOnUnixTest, FolderThatOthersCanWriteToIsRefused) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_ / "run"));
  std::filesystem::permissions(directory_ / "run", std::filesystem::perms::all);
  const auto listener = ListenOnUnix(Socket());
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(ListenOnUnixTest, LinkedFolderIsRefused) {
  ASSERT_TRUE(std::filesystem::create_directory(directory_ / "real"));
  std::filesystem::create_directory_symlink(directory_ / "real", directory_ / "run");
  EXPECT_FALSE(ListenOnUnix(Socket()));
}

TEST_F(ListenOnUnixTest, PathThatDoesNotFitIsAnError) {
  const auto listener = ListenOnUnix(directory_ / std::string(120, 'x'));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(ListenOnUnix(""));
  EXPECT_FALSE(ListenOnUnix("status.sock"));
}

TEST_F(ListenOnUnixTest, PeerIsThisUser) {
  const auto listener = ListenOnUnix(Socket());
  ASSERT_TRUE(listener);
  const UniqueFd client = ConnectTo(Socket());
  const auto accepted = Accept(listener->fd.get());
  ASSERT_TRUE(accepted && accepted->has_value());
  EXPECT_EQ(PeerUid((*accepted)->get()), ::geteuid());
}

TEST(Accept, NobodyThereIsNoError) {
  const auto listener = ListenOnTcp({.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(listener);
  const auto accepted = Accept(listener->fd.get());
  ASSERT_TRUE(accepted);
  EXPECT_FALSE(accepted->has_value());
}

TEST_F(ListenOnUnixTest, NoDescriptorLeftIsExhaustion) {
  const auto listener = ListenOnUnix(Socket());
  ASSERT_TRUE(listener);
  const UniqueFd client = ConnectTo(Socket());
  ASSERT_TRUE(client.valid());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = Accept(listener->fd.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  const auto accepted = Accept(listener->fd.get());
  EXPECT_TRUE(accepted && accepted->has_value());
}

}  // namespace
}  // namespace seccompd::net
