// SPDX-License-Identifier: Apache-2.0
#include "common/net/url.h"

#include <gmock/gmock.h>

#include "common/net/http_message.h"

namespace seccompd::net {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ParseUrl, TakesServersAsPeopleWriteThem) {
  const std::pair<std::string_view, Url> cases[] = {
      {"https://10.0.0.1:6443",
       {.tls = true, .host = "10.0.0.1", .host_is_ip = true, .port = 6443}},
      {"https://[2001:db8::1]:6443/",
       {.tls = true, .host = "2001:db8::1", .host_is_ip = true, .port = 6443}},
      {"https://[::1]", {.tls = true, .host = "::1", .host_is_ip = true, .port = 443}},
      {"http://localhost", {.tls = false, .host = "localhost", .host_is_ip = false, .port = 80}},
      {"HTTPS://Example.org/k8s/clusters/c-1/",
       {.tls = true,
        .host = "Example.org",
        .host_is_ip = false,
        .port = 443,
        .prefix = "/k8s/clusters/c-1"}},
  };
  for (const auto& [text, url] : cases) {
    const auto parsed = ParseUrl(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, url) << text;
  }
}

TEST(ParseUrl, RefusesWhatIsNoServer) {
  for (const std::string_view text : {"",
                                      "10.0.0.1:6443",
                                      "ftp://h",
                                      "https://",
                                      "https://:443",
                                      "https://h:0",
                                      "https://h:65536",
                                      "https://h:x",
                                      "https://h:80x",
                                      "https://a:b:c",
                                      "https://[::1]x",
                                      "https://1.2.3.4x",
                                      "https://h/?a=b",
                                      "https://h/#f",
                                      "https://[::1",
                                      "https://[1.2.3.4]",
                                      "https://a b",
                                      "https://h%00",
                                      "https://h\r\nX: y",
                                      "//h",
                                      "https:h"}) {
    EXPECT_FALSE(ParseUrl(text)) << text;
  }
}

TEST(ParseUrl, NeverRepeatsAPassword) {
  const auto parsed = ParseUrl("https://user:secret@host");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, Not(HasSubstr("secret")));
}

TEST(Url, AuthorityLeavesOutTheSchemesPort) {
  EXPECT_EQ(ParseUrl("https://10.0.0.1:443").value().Authority(), "10.0.0.1");
  EXPECT_EQ(ParseUrl("http://10.0.0.1:443").value().Authority(), "10.0.0.1:443");
  EXPECT_EQ(ParseUrl("https://[::1]").value().Authority(), "[::1]");
  EXPECT_EQ(ParseUrl("https://[::1]:6443").value().Authority(), "[::1]:6443");
}

TEST(EncodeUrlText, LeavesOnlyUnreserved) {
  EXPECT_EQ(EncodeUrlText("spec.nodeName=a b&c/d~_-"), "spec.nodeName%3Da%20b%26c%2Fd~_-");
  EXPECT_EQ(EncodeUrlText(""), "");
}

TEST(SerializeRequest, WritesWhatHttpWants) {
  const ClientRequest request{.method = "GET",
                              .target = "/api/v1/pods?limit=500",
                              .headers = {{"Accept", "application/json"}},
                              .gzip = true};
  EXPECT_EQ(SerializeRequest(request, "[::1]:6443", "/prefix").value(),
            "GET /prefix/api/v1/pods?limit=500 HTTP/1.1\r\nHost: [::1]:6443\r\n"
            "Accept-Encoding: gzip\r\nAccept: application/json\r\n\r\n");
}

TEST(SerializeRequest, BodyHasItsLength) {
  const ClientRequest request{.method = "POST", .target = "/x", .body = "{}"};
  EXPECT_THAT(SerializeRequest(request, "h", "").value(), HasSubstr("Content-Length: 2\r\n\r\n{}"));
}

TEST(SerializeRequest, RefusesSmuggledLines) {
  const ClientRequest bad[] = {
      {.method = "GET X", .target = "/"},
      {.method = "GET", .target = "/a b"},
      {.method = "GET", .target = "/a\r\nX: y"},
      {.method = "GET", .target = "a"},
      {.method = "GET", .target = "/", .headers = {{"A", "b\r\nC: d"}}},
      {.method = "GET", .target = "/", .headers = {{"A:", "b"}}},
      {.method = "GET", .target = "/", .headers = {{"", "b"}}},
  };
  for (const ClientRequest& request : bad) EXPECT_FALSE(SerializeRequest(request, "h", ""));
}

TEST(ReplyHead, HeaderNamesIgnoreCase) {
  const ReplyHead head{.status = 200, .headers = {{"Content-Type", "a"}, {"content-type", "b"}}};
  EXPECT_EQ(head.Header("CONTENT-TYPE"), "a");
  EXPECT_EQ(head.Header("Accept"), "");
}

}  // namespace
}  // namespace seccompd::net
