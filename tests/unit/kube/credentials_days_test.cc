// SPDX-License-Identifier: Apache-2.0
// Credentials against servers, kubelets and plugins of days of virtual time: tokens rotate and
// expire, files and plugins fail for a while, the wall clock jumps by hours.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <map>
#include <optional>
#include <random>

#include "common/kube/auth_credentials.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/net/certificates.h"

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using base::MonoTime;
using base::WallTime;
using std::chrono::milliseconds;
using test_support::TempDir;
using test_support::TreeBuilder;

constexpr MonoTime kBegin{1000s};
constexpr std::uint64_t kSeeds = 4;
constexpr auto kDays = 72h;

// Which tokens an API server takes, and until when.
class TokenServer {
 public:
  std::string Issue(MonoTime now, milliseconds lifetime) {
    std::string token = "token-" + std::to_string(++issued_);
    ends_[token] = now + lifetime;
    return token;
  }
  [[nodiscard]] bool Takes(const std::string& token, MonoTime now) const {
    const auto found = ends_.find(token);
    return found != ends_.end() && now < found->second;
  }

 private:
  std::uint64_t issued_ = 0;
  std::map<std::string, MonoTime> ends_;
};

// Virtual time: the steady clock, the true time, and a wall clock that somebody sets.
struct Clocks {
  MonoTime now = kBegin;
  milliseconds wall_error{0};

  [[nodiscard]] WallTime Wall() const {
    const auto since = std::chrono::duration_cast<milliseconds>(now - kBegin);
    return *base::ParseTime("2026-11-24T00:00:00Z") + since + wall_error;
  }
};

class Day : public testing::Test {
 protected:
  double Chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }
  milliseconds Within(milliseconds least, milliseconds most) {
    return least + milliseconds(static_cast<std::int64_t>(
                       Chance() * static_cast<double>((most - least).count())));
  }
  // Mostly right, at times hours or years off, both ways.
  void SetClock() {
    const double kind = Chance();
    clocks_.wall_error = kind < 0.5 ? 0ms : kind < 0.9 ? Within(-12h, 12h) : Within(-9000h, 90000h);
  }
  void Write(const std::string& name, const std::string& text) {
    TreeBuilder(dir_.path()).Remove(name).File(name, text);
  }
  void Open() {
    auto opened = Credentials::Open(config_, options_, clocks_.now, clocks_.Wall());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    credentials_.emplace(*std::move(opened));
  }
  CredentialChange Refresh() {
    CredentialChange change = credentials_->Refresh(clocks_.now, clocks_.Wall());
    if (!change.problem.empty()) ++problems_;
    return change;
  }
  // ApiClient::Open and RetryStatus: once more after a 401 that brought something new.
  bool Request() {
    ++requests_;
    Refresh();
    if (server_.Takes(credentials_->token(), clocks_.now)) return true;
    ++refused_;
    credentials_->Distrust();
    Refresh();
    return server_.Takes(credentials_->token(), clocks_.now);
  }

  TempDir dir_;
  std::mt19937_64 random_;
  Clocks clocks_;
  TokenServer server_;
  ClusterConfig config_;
  CredentialOptions options_;
  std::optional<Credentials> credentials_;
  std::size_t requests_ = 0;
  std::size_t refused_ = 0;   // first answers of 401
  std::size_t problems_ = 0;  // reads that failed
};

// The kubelet's projected token: an hour and 7 seconds, replaced at 80 % of it, now and then late.
class ProjectedToken : public Day {
 protected:
  void Begin(std::uint64_t seed) {
    random_.seed(seed);
    clocks_ = {};
    requests_ = refused_ = rotations_ = problems_ = 0;
    config_.server = net::ParseUrl("http://10.0.0.1").value();
    config_.user.token_file = dir_.path() + "/token";
    Rotate();
    Open();
  }
  void Rotate() {
    ++rotations_;
    in_file_ = server_.Issue(clocks_.now, 3607s);
    Write("token", in_file_ + "\n");
    const bool late = Chance() < 0.1;
    rotates_ = clocks_.now + 2886s + (late ? Within(700s, 1500s) : Within(0s, 60s));
  }
  // A request after at most `most`.
  bool Step(milliseconds most) {
    const MonoTime next = clocks_.now + Within(1ms, most);
    while (rotates_ <= next) {
      clocks_.now = rotates_;
      Rotate();
    }
    clocks_.now = next;
    return Request();
  }

  std::string in_file_;
  std::size_t rotations_ = 0;
  MonoTime rotates_;
};

TEST_F(ProjectedToken, ARequestFailsOnlyWhileTheFileItselfHoldsNothingGood) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Begin(seed);
    while (clocks_.now < kBegin + kDays) {
      if (Chance() < 0.01) SetClock();
      const bool served = Step(5min);
      ASSERT_EQ(served, server_.Takes(in_file_, clocks_.now)) << "seed " << seed;
    }
    EXPECT_GT(rotations_, 80U);
  }
}

// The wall clock has no part in it, and an expired token is used only if nothing was asked for
// fifty seconds before.
TEST_F(ProjectedToken, ABusyReaderOfAKubeletInTimeNeverSeesA401) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Begin(seed);
    while (clocks_.now < kBegin + 24h) {
      if (Chance() < 0.001) SetClock();
      rotates_ = std::min(rotates_, clocks_.now + 2946s);
      ASSERT_TRUE(Step(20s)) << "seed " << seed;
    }
    EXPECT_EQ(refused_, 0U) << "seed " << seed;
  }
}

TEST_F(ProjectedToken, AFileThatCannotBeReadIsTriedOnceAMinuteAndOnceAfterA401) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Begin(seed);
    for (const bool gone : {false, true}) {
      Write("token", "");
      if (gone) TreeBuilder(dir_.path()).Remove("token");
      const MonoTime broken = clocks_.now;
      refused_ = problems_ = 0;
      rotates_ = broken + 24h;  // the token of before ends within its hour
      while (clocks_.now < broken + 6h) {
        if (Chance() < 0.01) SetClock();
        Step(2s);
      }
      EXPECT_LE(problems_, 6U * 72U + refused_) << "seed " << seed;
      EXPECT_GT(refused_, 0U);
      rotates_ = clocks_.now;
      EXPECT_TRUE(Step(1ms)) << "the first request after the file is good again";
    }
  }
}

// An exec plugin of a cloud: a token of 15 to 60 minutes with its end, by the plugin's own clock.
class ExecPlugin : public Day {
 protected:
  void Begin(std::uint64_t seed, bool same_clock) {
    random_.seed(seed);
    clocks_ = {};
    requests_ = refused_ = problems_ = runs_ = 0;
    failing_ = false;
    same_clock_ = same_clock;
    config_.server = net::ParseUrl("http://10.0.0.1").value();
    config_.user.exec =
        ExecConfig{.api_version = "client.authentication.k8s.io/v1", .command = "p"};
    options_.run_plugin = [this](const ExecConfig&, const std::string&) { return Run(); };
    Open();
  }
  base::Result<std::string> Run() {
    ++runs_;
    if (failing_) {
      if (Chance() < 0.5) return base::Fail(base::ErrorCode::kUnavailable, "no network");
      return std::string("Please log in: ");
    }
    const milliseconds lifetime = Within(15min, 60min);
    Clocks clocks = clocks_;
    if (!same_clock_) clocks.wall_error = 0ms;  // the cloud's answer, not this machine's
    return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
           R"("status":{"token":")" +
           server_.Issue(clocks_.now, lifetime) + R"(","expirationTimestamp":")" +
           base::FormatTime(clocks.Wall() + lifetime) + R"("}})";
  }
  bool Step(milliseconds most) {
    clocks_.now += Within(1ms, most);
    return Request();
  }

  std::size_t runs_ = 0;
  bool failing_ = false;
  bool same_clock_ = true;
};

TEST_F(ExecPlugin, ThatWorksLetsNoRequestFailWhateverTheWallClockSays) {
  for (const bool same_clock : {true, false}) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      Begin(seed, same_clock);
      while (clocks_.now < kBegin + kDays) {
        if (Chance() < 0.003) SetClock();
        ASSERT_TRUE(Step(2min)) << "seed " << seed << ", its own clock: " << !same_clock;
      }
    }
  }
}

// Without a 401 an expired credential is seen by the steady clock, too: a clock that is set back by
// hours does not stretch its life.
TEST_F(ExecPlugin, AnExpiredCredentialIsNotSentThoughTheClockWasSetBack) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Begin(seed, true);
    while (clocks_.now < kBegin + kDays) {
      if (Chance() < 0.003) clocks_.wall_error -= 3h;
      clocks_.now += Within(1ms, 2min);
      Refresh();
      ASSERT_TRUE(server_.Takes(credentials_->token(), clocks_.now)) << "seed " << seed;
    }
  }
}

TEST_F(ExecPlugin, RunsOnceALifetimeWhenTheClockIsRight) {
  Begin(1, true);
  while (clocks_.now < kBegin + kDays) ASSERT_TRUE(Step(10s));
  EXPECT_LE(runs_, 72U * 60U / 15U);
  EXPECT_EQ(refused_, 0U);
}

TEST_F(ExecPlugin, RunsOnceAMinuteAtMostWhenTheClockIsFiveHoursAhead) {
  Begin(2, false);
  clocks_.wall_error = 5h;
  while (clocks_.now < kBegin + 24h) ASSERT_TRUE(Step(2s));
  EXPECT_LE(runs_, 24U * 60U + 1U);
  clocks_.wall_error = 0ms;
  const std::size_t before = runs_;
  const MonoTime right = clocks_.now;
  while (clocks_.now < right + 24h) ASSERT_TRUE(Step(2s));
  EXPECT_LE(runs_ - before, 24U * 60U / 15U + 1U) << "and as before once it is right again";
}

TEST_F(ExecPlugin, ThatFailsForAnHourIsRunOnceA401AndOnceAMinuteAndTheNextRequestIsServed) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Begin(seed, true);
    for (int outage = 0; outage < 12; ++outage) {
      failing_ = true;
      runs_ = refused_ = 0;
      const MonoTime begun = clocks_.now;
      while (clocks_.now < begun + 1h) {
        if (Chance() < 0.003) SetClock();
        Step(5s);
      }
      EXPECT_LE(runs_, refused_ + 61U) << "seed " << seed;
      failing_ = false;
      ASSERT_TRUE(Step(1s)) << "seed " << seed;
    }
  }
}

// cert-manager or a kubelet: two files, written one after the other.
class ClientCertificate : public Day {
 protected:
  static std::string NameOf(const net::TlsContext& tls) {
    X509* used = SSL_CTX_get0_certificate(tls.native());
    if (used == nullptr) return "";
    std::string name(64, '\0');
    const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(used), NID_commonName,
                                                 name.data(), static_cast<int>(name.size()));
    name.resize(static_cast<std::size_t>(std::max(length, 0)));
    return name;
  }
  net::Certificate ca_ = net::MakeAuthority("one");
};

TEST_F(ClientCertificate, IsTheNewOneSixMinutesAfterBothFilesAreWrittenAndWorksMeanwhile) {
  random_.seed(1);
  const auto make = [this](int number) {
    return net::MakeCertificate({.common_name = "me-" + std::to_string(number)}, &ca_);
  };
  net::Certificate made = make(0);
  TreeBuilder(dir_.path()).File("tls.crt", made.pem).File("tls.key", made.key_pem);
  Write("ca.crt", ca_.pem);
  config_.server = net::ParseUrl("https://10.0.0.1").value();
  config_.ca.file = dir_.path() + "/ca.crt";
  config_.user.client_cert.file = dir_.path() + "/tls.crt";
  config_.user.client_key.file = dir_.path() + "/tls.key";
  Open();
  for (int number = 1; number <= 48; ++number) {
    const std::string old = "me-" + std::to_string(number - 1);
    const std::string fresh = "me-" + std::to_string(number);
    made = make(number);
    const bool certificate_first = Chance() < 0.5;
    const MonoTime half = clocks_.now + Within(0s, 600s);
    const MonoTime whole = half + Within(0s, 120s);
    int written = 0;
    while (clocks_.now < whole + 54min) {
      clocks_.now += Within(1ms, 10s);
      if (Chance() < 0.01) SetClock();
      if (written == 0 && clocks_.now >= half) {
        written = 1;
        Write(certificate_first ? "tls.crt" : "tls.key",
              certificate_first ? made.pem : made.key_pem);
      }
      if (written == 1 && clocks_.now >= whole) {
        written = 2;
        Write(certificate_first ? "tls.key" : "tls.crt",
              certificate_first ? made.key_pem : made.pem);
      }
      Refresh();
      const std::string used = NameOf(*credentials_->tls());
      ASSERT_TRUE(used == old || used == fresh) << used;
      ASSERT_EQ(SSL_CTX_check_private_key(credentials_->tls()->native()), 1);
      if (clocks_.now > whole + 370s) {
        ASSERT_EQ(used, fresh) << "number " << number;
      }
    }
  }
  EXPECT_EQ(credentials_->generation(), 49U);
}

}  // namespace
}  // namespace seccompd::kube
