// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_text.h"

#include <gmock/gmock.h>

namespace seccompd::net {
namespace {

using testing::HasSubstr;

TEST(ParseTarget, SplitsPathAndQuery) {
  const auto target = ParseTarget("/status?pod=shop%2Fapi&verbose&q=a+b&empty=");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/status");
  const std::vector<QueryParameter> expected = {{.name = "pod", .value = "shop/api"},
                                                {.name = "verbose", .value = ""},
                                                {.name = "q", .value = "a b"},
                                                {.name = "empty", .value = ""}};
  EXPECT_EQ(target->query, expected);
}

TEST(ParseTarget, DecodesThePath) {
  EXPECT_EQ(ParseTarget("/a%20b").value().path, "/a b");
  EXPECT_EQ(ParseTarget("/").value().path, "/");
}

TEST(ParseTarget, AbsoluteFormCountsAsItsPath) {
  EXPECT_EQ(ParseTarget("http://host:1/metrics?x=1").value().path, "/metrics");
}

TEST(ParseTarget, OtherFormsAreErrors) {
  for (const std::string_view text :
       {"", "*", "metrics", "host:443", "/a%2", "/a%zz", "/a%00b", "/a%0d%0ab", "/a b", "?x=1"}) {
    EXPECT_FALSE(ParseTarget(text)) << text;
  }
}

TEST(ParseTarget, DotsStayAsTheyAre) {
  EXPECT_EQ(ParseTarget("/../etc/passwd").value().path, "/../etc/passwd");
}

struct AcceptCase {
  std::string_view header;
  int html;
  int json;
};

TEST(QualityOf, MostSpecificRangeDecides) {
  const AcceptCase cases[] = {
      {"", 1000, 1000},
      {"text/html", 1000, 0},
      {"text/html;q=0.5, application/json", 500, 1000},
      {"text/*;q=0.3, */*;q=0.1", 300, 100},
      {"*/*;q=0.1, TEXT/HTML;level=1;q=0.75", 750, 100},
      {"text/html;q=0, */*", 0, 1000},
      {"application/json;q=2, */*;q=0.4", 400, 400},
      {"application/json ; q=0.125", 0, 125},
      {",,;q=1, text/html", 1000, 0},
      {"text", 0, 0},
      {"*", 0, 0},
  };
  for (const AcceptCase& c : cases) {
    EXPECT_EQ(QualityOf(c.header, "text/html"), c.html) << c.header;
    EXPECT_EQ(QualityOf(c.header, "application/json"), c.json) << c.header;
  }
}

TEST(AcceptsGzip, ByNameOrStarWithQuality) {
  for (const std::string_view yes :
       {"gzip", "GZIP", "x-gzip", "deflate, gzip;q=0.5", "*", "br;q=1, *;q=0.1", "gzip;q=0.001"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const std::string_view no : {"", "identity", "gzip;q=0", "gzip;q=0.000", "*, gzip;q=0",
                                    "gzipped", "deflate", "gzip;q=x", "*;q=0"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

TEST(ParseListenAddress, TakesAddressesAndPorts) {
  const std::pair<std::string_view, ListenAddress> cases[] = {
      {"127.0.0.1:19617", {.host = "127.0.0.1", .port = 19617}},
      {":19617", {.host = "", .port = 19617}},
      {"[::1]:0", {.host = "::1", .port = 0}},
      {"[2001:db8::5]:65535", {.host = "2001:db8::5", .port = 65535}},
      {"localhost:80", {.host = "127.0.0.1", .port = 80}},
  };
  for (const auto& [text, address] : cases) EXPECT_EQ(ParseListenAddress(text), address) << text;
}

TEST(ParseListenAddress, ErrorSaysWhatToWrite) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"127.0.0.1", "no port"},
      {"", "no port"},
      {":x", "0 to 65535"},
      {":65536", "0 to 65535"},
      {":-1", "0 to 65535"},
      {":", "0 to 65535"},
      {"::1:80", "in brackets"},
      {"[::1:80", "in brackets"},
      {"[1.2.3.4]:80", "no IPv6"},
      {"[]:80", "no IPv6"},
      {"example.org:80", "IP address"},
      {"1.2.3:80", "IP address"},
      {"[fe80::1%eth0]:80", "no IPv6"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = ParseListenAddress(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, base::ErrorCode::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, HasSubstr(std::string(why))) << text;
  }
}

TEST(FormatHttpDate, IsWhatTheRfcShows) {
  EXPECT_EQ(FormatHttpDate(std::chrono::system_clock::from_time_t(784'111'777)),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(JoinHostPort, BracketsIpv6) {
  EXPECT_EQ(JoinHostPort("10.0.0.1", 443), "10.0.0.1:443");
  EXPECT_EQ(JoinHostPort("::1", 443), "[::1]:443");
  EXPECT_EQ(JoinHostPort("", 1), ":1");
}

}  // namespace
}  // namespace seccompd::net
