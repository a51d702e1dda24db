// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "common/kube/collection_loop.h"
#include "common/kube/collection_query.h"
#include "common/kube/json_framer.h"

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
// A server ends a watch at its timeoutSeconds; a little less is the same.
constexpr milliseconds kNearTimeout{2'000};

RewatchReason ReasonOf(ApiFailureKind kind) {
  if (kind == ApiFailureKind::kExpired) return RewatchReason::kExpired;
  if (kind == ApiFailureKind::kTooManyRequests) return RewatchReason::kThrottled;
  return RewatchReason::kError;
}

template <class E>
std::size_t Index(E value) {
  return static_cast<std::size_t>(value);
}

// The watch that RequestResync may close; unset when the coroutine goes, however it ends.
class Published {
 public:
  Published(ApiStream** place, ApiStream* stream) : place_(place) { *place_ = stream; }
  ~Published() { *place_ = nullptr; }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

 private:
  ApiStream** place_;
};

}  // namespace

struct CollectionLoop::Stream {
  WatchRequest request;
  ApiStream* stream = nullptr;
  JsonFramer framer;
  MonoTime opened;
  MonoTime begun;  // when the answer came
  std::uint64_t events = 0;
};

awaitable<Result<>> CollectionLoop::Watch(WatchRequest request) {
  health_.state = CollectionState::kOpening;
  if (request.send_initial_events) ++counters_.relists[Index(reflector_.relist_reason())];
  const std::string selectors = SelectorQuery(spec_.field_selector, spec_.label_selector);
  Stream watch;
  watch.request = request;
  watch.framer = JsonFramer(options_.max_object_bytes);
  watch.opened = Clock::now();
  ApiCall call = CallOf("watch", WatchQuery(request, selectors));
  auto opened = co_await client_.Open(std::move(call));
  if (!opened) {
    if (opened.error().code == ErrorCode::kCancelled) co_return Fail(std::move(opened).error());
    NotOpened(watch, opened.error());
    co_return Result<>();
  }
  ApiStream stream = *std::move(opened);
  Result<> outcome;
  if (stream.status() == 200) {
    watch.stream = &stream;
    outcome = co_await FollowStream(&watch);
  } else {
    outcome = co_await Refused(&stream);
  }
  client_.Release(std::move(stream));
  co_return outcome;
}

awaitable<Result<>> CollectionLoop::Refused(ApiStream* stream) {
  const int status = stream->status();
  auto body = co_await client_.ReadRest(stream, kMaxErrorBody);
  if (!body && body.error().code == ErrorCode::kCancelled) co_return Fail(body.error());
  const std::string text = body ? *body : "";
  Failed(status, ErrorOfReply(status, text, "watch " + spec_.resource).message);
  const ApiFailure failure = FailureOfResponse(status, text, stream->head().retry_after);
  ++counters_.restarts[Index(ReasonOf(failure.kind))];
  Obey(reflector_.OnWatchRefused(failure, Clock::now()), std::nullopt);
  co_return Result<>();
}

// No answer at all. As client-go: a connection that was closed or too slow, even after its retries,
// is an empty watch, so that no LIST follows.
void CollectionLoop::NotOpened(const Stream& watch, const base::Error& error) {
  Failed(0, error.message);
  const bool closed = error.code == ErrorCode::kUnavailable &&
                      (error.sys_errno == 0 || error.sys_errno == ECONNRESET);
  if (closed || error.code == ErrorCode::kDeadlineExceeded) {
    reflector_.OnWatchOpened(watch.opened);
    Ended(watch, RewatchReason::kError);
    return;
  }
  ++counters_.restarts[Index(RewatchReason::kError)];
  Obey(reflector_.OnWatchRefused(FailureOfError(error), Clock::now()), std::nullopt);
}

milliseconds CollectionLoop::PatienceOf(const Stream& watch, MonoTime now) const {
  MonoTime until = silence_.GiveUp(watch.begun, watch.request.timeout, now);
  const auto mark_due = reflector_.WatchListDeadline();
  if (mark_due) until = std::min(until, *mark_due);
  return std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(1));
}

awaitable<Result<>> CollectionLoop::FollowStream(Stream* watch) {
  Succeeded();
  watch->begun = Clock::now();
  reflector_.OnWatchOpened(watch->opened);
  health_.state = CollectionState::kWatching;
  health_.last_byte = watch->begun;
  const Published published(&open_watch_, watch->stream);
  for (;;) {
    const milliseconds patience = PatienceOf(*watch, Clock::now());
    auto piece = co_await watch->stream->ReadSome(patience);
    const MonoTime now = Clock::now();
    client_.CloseIdle(now);
    if (!piece && piece.error().code == ErrorCode::kCancelled && !resync_) {
      co_return Fail(std::move(piece).error());
    }
    if (!piece) {
      OnReadFailure(*watch, piece.error());
      co_return Result<>();
    }
    if (!*piece) {
      const bool timeout = now + kNearTimeout >= watch->opened + watch->request.timeout;
      Ended(*watch, timeout ? RewatchReason::kTimeout : RewatchReason::kEof);
      co_return Result<>();
    }
    health_.last_byte = now;
    const std::string bytes = **std::move(piece);
    if (!OnPiece(watch, bytes)) {
      watch->stream->Close();
      co_return Result<>();
    }
  }
}

// The stream is over without an ERROR event.
void CollectionLoop::Ended(const Stream& watch, RewatchReason reason) {
  if (!resync_) ++counters_.restarts[Index(reason)];
  const auto lasted = Clock::now() - watch.opened;
  if (silence_.OnEnded(watch.events, lasted, watch.request.timeout)) reflector_.RequestResync();
  Obey(reflector_.OnWatchEnded(reason, Clock::now()), std::nullopt);
}

void CollectionLoop::OnReadFailure(const Stream& watch, const base::Error& error) {
  const MonoTime now = Clock::now();
  if (resync_) {
    Ended(watch, RewatchReason::kEof);
    return;
  }
  health_.last_error = error.message;
  if (error.code == ErrorCode::kDeadlineExceeded) {
    silence_.OnGivenUp();
    const MonoTime end = silence_.GiveUp(watch.begun, watch.request.timeout, now);
    Ended(watch, now >= end ? RewatchReason::kTimeout : RewatchReason::kIdle);
  } else if (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kResourceExhausted) {
    // client-go makes an ERROR event with code 500 of bytes that it cannot decode.
    OnErrorEvent({.kind = ApiFailureKind::kInternal, .retry_after = {}, .message = error.message});
  } else {
    Ended(watch, RewatchReason::kEof);
  }
}

bool CollectionLoop::OnPiece(Stream* watch, std::string_view piece) {
  auto texts = watch->framer.Feed(piece);
  if (!texts) {
    OnReadFailure(*watch, texts.error());
    return false;
  }
  for (const std::string& text : *texts) {
    auto item = ParseWatchEvent(text);
    if (!item) {
      const base::Error corrupt{.code = ErrorCode::kCorrupt, .message = item.error().message};
      OnReadFailure(*watch, corrupt);
      return false;
    }
    if (!OnItem(watch, *std::move(item))) return false;
  }
  return true;
}

bool CollectionLoop::OnItem(Stream* watch, StreamItem item) {
  ++watch->events;
  if (const auto* failure = std::get_if<ApiFailure>(&item)) {
    ++counters_.error_events;
    OnErrorEvent(*failure);
    return false;
  }
  auto* event = std::get_if<WatchEvent>(&item);
  if (event == nullptr) {
    ++counters_.unknown_events;
    return true;
  }
  ++counters_.events[Index(event->type)];
  if (event->type == WatchEventType::kBookmark) silence_.OnBookmark();
  const StoreAction action = reflector_.OnEvent(event->type, event->resource_version,
                                                event->initial_events_end, Clock::now());
  Obey(action, std::move(event->object));
  return true;
}

void CollectionLoop::OnErrorEvent(const ApiFailure& failure) {
  ++counters_.restarts[Index(ReasonOf(failure.kind))];
  health_.last_error = "watch " + spec_.resource + ": " + failure.message;
  Obey(reflector_.OnWatchError(failure, Clock::now()), std::nullopt);
}

}  // namespace seccompd::kube
