// SPDX-License-Identifier: Apache-2.0
#include "common/kube/api_client.h"

#include <algorithm>
#include <cerrno>

#include "common/base/strings.h"
#include "common/kube/watch_event.h"
#include "common/net/http_text.h"
#include "common/net/waits.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::MonoTime;
using base::Result;
using boost::asio::awaitable;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxErrorBody = 65'536;
constexpr milliseconds kErrorBodyTimeout{5'000};
constexpr std::size_t kMaxIdle = 2;
constexpr std::size_t kMaxWarnings = 64;
// A server may close a connection at the moment we use it again: after this long, requests that
// must not be sent twice get a new one.
constexpr milliseconds kSafeToWrite{5'000};

milliseconds Scale(milliseconds duration, double factor) {
  return milliseconds(
      static_cast<milliseconds::rep>(static_cast<double>(duration.count()) * factor));
}

// Closed or reset, but neither refused nor unreachable (apimachinery util/net IsProbableEOF,
// IsConnectionReset).
bool IsLostConnection(const base::Error& error) {
  return error.code == ErrorCode::kUnavailable &&
         (error.sys_errno == 0 || error.sys_errno == ECONNRESET || error.sys_errno == EPIPE);
}

ErrorCode CodeOfStatus(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kAlreadyExists;
    case 410:
      return ErrorCode::kGone;
    case 400:
    case 422:
      return ErrorCode::kInvalidArgument;
    case 429:
      return ErrorCode::kUnavailable;
    default:
      return status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInternal;
  }
}

std::string_view ContentTypeOf(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategicMerge:
      return "application/strategic-merge-patch+json";
  }
  return "";
}

// The text of `299 - "text"` (RFC 7234 5.5).
std::string WarningText(std::string_view value) {
  const std::size_t open = value.find('"');
  const std::size_t close = value.rfind('"');
  if (open == std::string_view::npos || close <= open) return base::Printable(value);
  return base::Printable(value.substr(open + 1, close - open - 1));
}

}  // namespace

base::Error ErrorOfReply(int status, std::string_view body, std::string_view what) {
  const ApiFailure failure = FailureOfResponse(status, body, std::nullopt);
  return {.code = CodeOfStatus(status), .message = std::string(what) + ": " + failure.message};
}

awaitable<Result<std::optional<std::string>>> ApiStream::ReadSome(milliseconds idle) {
  return connection_.ReadSome(idle);
}

ApiClient::ApiClient(Credentials credentials, ApiClientOptions options, ApiObserver* observer,
                     Random random)
    : credentials_(std::move(credentials)),
      options_(std::move(options)),
      observer_(observer),
      random_(std::move(random)),
      host_(credentials_.config().server.Authority()) {}

// Whether anything that a request depends on changed.
bool ApiClient::RefreshCredentials() {
  const CredentialChange change = credentials_.Refresh(Clock::now(), base::WallNow());
  const bool news = change.token || change.tls;
  if (observer_ != nullptr && (news || !change.problem.empty())) observer_->OnCredentials(change);
  return news;
}

void ApiClient::CloseIdle(MonoTime now) {
  std::erase_if(idle_, [&](const Idle& idle) {
    return now >= idle.retire || now >= idle.since + options_.idle_close ||
           idle.generation != credentials_.generation();
  });
}

net::ClientRequest ApiClient::RequestOf(const ApiCall& call) const {
  const ClusterConfig& config = credentials_.config();
  net::ClientRequest request{.method = call.method, .target = call.target, .body = call.body};
  // A compressed watch would need a decompressor for the life of the connection.
  request.gzip = config.compression && call.method == "GET" && call.verb != "watch";
  request.headers.emplace_back("User-Agent", options_.user_agent);
  request.headers.emplace_back("Accept", call.accept);
  if (!call.content_type.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  if (!credentials_.token().empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + credentials_.token());
  }
  const bool own = !call.impersonate_user.empty();
  const std::string& user = own ? call.impersonate_user : config.impersonate_user;
  if (!user.empty()) request.headers.emplace_back("Impersonate-User", user);
  if (!own) {
    for (const std::string& group : config.impersonate_groups) {
      request.headers.emplace_back("Impersonate-Group", group);
    }
  }
  return request;
}

awaitable<Result<ApiClient::Idle>> ApiClient::TakeConnection(bool fresh) {
  CloseIdle(Clock::now());
  if (fresh) {
    idle_.clear();
  } else if (!idle_.empty()) {
    Idle idle = std::move(idle_.back());
    idle_.pop_back();
    co_return std::move(idle);
  }
  if (observer_ != nullptr) observer_->OnConnect(host_);
  const net::Url& url = credentials_.config().server;
  const std::uint64_t generation = credentials_.generation();
  auto connected = co_await net::HttpConnection::Connect(url, credentials_.tls(), options_.connect);
  if (!connected) co_return Fail(std::move(connected).error());
  const MonoTime now = Clock::now();
  co_return Idle{.connection = *std::move(connected),
                 .retire = now + Scale(options_.redial_after, 0.5 + random_()),
                 .since = now,
                 .generation = generation};
}

awaitable<Result<ApiStream>> ApiClient::TryOnce(const ApiCall* call, bool fresh, bool* was_used) {
  const MonoTime begun = Clock::now();
  auto taken = co_await TakeConnection(fresh);
  if (!taken) {
    if (observer_ != nullptr && taken.error().code != ErrorCode::kCancelled) {
      observer_->OnRequest(call->verb, call->method, host_, "<error>", Clock::now() - begun);
    }
    co_return Fail(std::move(taken).error());
  }
  Idle idle = *std::move(taken);
  *was_used = idle.connection.requests() > 0;
  net::ClientRequest request = RequestOf(*call);
  const milliseconds timeout = call->timeout.value_or(options_.request_timeout);
  auto head = co_await idle.connection.Begin(std::move(request), timeout);
  if (observer_ != nullptr && (head || head.error().code != ErrorCode::kCancelled)) {
    const std::string code = head ? std::to_string(head->status) : "<error>";
    observer_->OnRequest(call->verb, call->method, host_, code, Clock::now() - begun);
  }
  if (!head) co_return Fail(std::move(head).error());
  ReportWarnings(*head);
  co_return ApiStream(std::move(idle.connection), *std::move(head), idle.retire, idle.generation);
}

void ApiClient::ReportWarnings(const net::ReplyHead& head) {
  if (observer_ == nullptr) return;
  for (const auto& [name, value] : head.headers) {
    if (!net::EqualIgnoringCase(name, "Warning")) continue;
    const std::string text = WarningText(value);
    if (warnings_.size() >= kMaxWarnings ||
        std::find(warnings_.begin(), warnings_.end(), text) != warnings_.end()) {
      continue;
    }
    warnings_.push_back(text);
    observer_->OnWarning(text);
  }
}

// An answer that asks to come again: waits, true if the call is to be sent once more.
awaitable<Result<bool>> ApiClient::RetryStatus(const ApiCall* call, ApiStream* stream,
                                               Attempt* attempt) {
  const int status = stream->status();
  if (status == 401 && !attempt->retried_unauthorized) {
    attempt->retried_unauthorized = true;
    credentials_.Distrust();
    co_return RefreshCredentials();
  }
  const auto retry_after = stream->head().retry_after;
  if ((status != 429 && status < 500) || !retry_after) co_return false;
  if (attempt->retries >= options_.max_retries || *retry_after > options_.most_retry_after) {
    co_return false;
  }
  ++attempt->retries;
  if (observer_ != nullptr) observer_->OnRetry(call->verb, host_, std::to_string(status));
  auto drained = co_await ReadRest(stream, kMaxErrorBody);
  if (!drained && drained.error().code == ErrorCode::kCancelled) {
    co_return Fail(std::move(drained).error());
  }
  const std::chrono::nanoseconds pause = *retry_after;
  CO_TRY(co_await net::SleepFor(pause));
  co_return true;
}

awaitable<Result<bool>> ApiClient::ShouldRetry(const ApiCall* call, Result<ApiStream>* answer,
                                               bool was_used, Attempt* attempt) {
  if (*answer) {
    ApiStream* stream = &**answer;
    auto again = co_await RetryStatus(call, stream, attempt);
    co_return again;
  }
  const base::Error& error = answer->error();
  const bool lost = IsLostConnection(error);
  if (lost && was_used && !attempt->fresh_connection && call->method == "GET") {
    // The server had closed a connection that we kept.
    attempt->fresh_connection = true;
    co_return true;
  }
  const bool timeout = call->verb == "watch" && error.code == ErrorCode::kDeadlineExceeded;
  if (call->method != "GET" || (!lost && !timeout) || attempt->retries >= options_.max_retries) {
    co_return false;
  }
  ++attempt->retries;
  if (observer_ != nullptr) observer_->OnRetry(call->verb, host_, "<error>");
  const milliseconds pause = Scale(options_.reset_pause, 1.0 + random_());
  CO_TRY(co_await net::SleepFor(pause));
  co_return true;
}

awaitable<Result<ApiStream>> ApiClient::Open(ApiCall call) {
  Attempt attempt;
  const bool repeatable = call.method == "GET";
  for (;;) {
    static_cast<void>(RefreshCredentials());
    bool fresh = attempt.fresh_connection;
    if (!repeatable && !idle_.empty()) fresh |= Clock::now() >= idle_.back().since + kSafeToWrite;
    bool was_used = false;
    auto answer = co_await TryOnce(&call, fresh, &was_used);
    if (!answer && answer.error().code == ErrorCode::kCancelled) {
      co_return Fail(std::move(answer).error());
    }
    CO_TRY_ASSIGN(const bool again, co_await ShouldRetry(&call, &answer, was_used, &attempt));
    if (!again) co_return answer;
    if (answer) Release(*std::move(answer));
  }
}

void ApiClient::Release(ApiStream stream) {
  const MonoTime now = Clock::now();
  const bool fresh = now < stream.retire_ && stream.generation_ == credentials_.generation();
  if (!stream.connection_.reusable() || !fresh || idle_.size() >= kMaxIdle) return;
  idle_.push_back(Idle{.connection = std::move(stream.connection_),
                       .retire = stream.retire_,
                       .since = now,
                       .generation = stream.generation_});
}

awaitable<Result<std::string>> ApiClient::ReadRest(ApiStream* stream, std::size_t max_bytes) {
  const bool failed = stream->status() >= 300;
  const MonoTime deadline = Clock::now() + (failed ? kErrorBodyTimeout : options_.request_timeout);
  std::string body;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    auto piece = co_await stream->ReadSome(left);
    if (!piece) co_return Fail(std::move(piece).error());
    if (!*piece) co_return body;
    if ((*piece)->size() > max_bytes - body.size()) {
      stream->Close();
      co_return Fail(ErrorCode::kResourceExhausted,
                     host_ + ": an answer of more than " + std::to_string(max_bytes) + " bytes");
    }
    body += **piece;
  }
}

awaitable<Result<ApiReply>> ApiClient::Call(ApiCall call) {
  CO_TRY_ASSIGN(ApiStream stream, co_await Open(std::move(call)));
  ApiReply reply;
  reply.status = stream.status();
  reply.retry_after = stream.head().retry_after;
  const std::size_t limit = reply.status < 300 ? options_.max_body : kMaxErrorBody;
  auto body = co_await ReadRest(&stream, limit);
  // The text of a failure is welcome, not needed.
  if (!body && (reply.status < 300 || body.error().code == ErrorCode::kCancelled)) {
    co_return Fail(std::move(body).error());
  }
  if (body) reply.body = *std::move(body);
  Release(std::move(stream));
  co_return reply;
}

awaitable<Result<document::Node>> ApiClient::CallForObject(ApiCall call) {
  const std::string what = call.method + " " + call.target;
  CO_TRY_ASSIGN(const ApiReply reply, co_await Call(std::move(call)));
  if (reply.status < 200 || reply.status >= 300) {
    co_return Fail(ErrorOfReply(reply.status, reply.body, what));
  }
  auto parsed = document::ParseJson(reply.body);
  if (!parsed) co_return Fail(base::WithContext(std::move(parsed).error(), what));
  co_return *std::move(parsed);
}

awaitable<Result<document::Node>> ApiClient::Get(std::string target) {
  ApiCall call{.verb = "get", .method = "GET", .target = std::move(target)};
  return CallForObject(std::move(call));
}

awaitable<Result<document::Node>> ApiClient::Create(std::string target, std::string json) {
  ApiCall call{.verb = "create", .method = "POST", .target = std::move(target)};
  call.body = std::move(json);
  call.content_type = "application/json";
  return CallForObject(std::move(call));
}

awaitable<Result<document::Node>> ApiClient::Patch(std::string target, PatchType type,
                                                   std::string json) {
  ApiCall call{.verb = "patch", .method = "PATCH", .target = std::move(target)};
  call.body = std::move(json);
  call.content_type = ContentTypeOf(type);
  return CallForObject(std::move(call));
}

}  // namespace seccompd::kube
