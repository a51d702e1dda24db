// SPDX-License-Identifier: Apache-2.0
#include "common/kube/collection_loop.h"

#include <algorithm>

#include "common/kube/collection_query.h"
#include "common/net/waits.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::MonoTime;
using base::Result;
using boost::asio::awaitable;
using document::Node;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxErrorBody = 65'536;
constexpr milliseconds kListIdle{30'000};

std::string NameOf(const Node& object) {
  const Node* metadata = object.Find("metadata");
  const auto text = [metadata](std::string_view key) {
    const Node* node = metadata == nullptr ? nullptr : metadata->Find(key);
    return node == nullptr ? std::string() : node->scalar;
  };
  const std::string space = text("namespace");
  return space.empty() ? text("name") : space + "/" + text("name");
}

template <class E>
std::size_t Index(E value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

CollectionLoop::CollectionLoop(ApiClient& client, CollectionSpec spec, CollectionOptions options,
                               CollectionSink& sink)
    : client_(client),
      spec_(std::move(spec)),
      options_(options),
      sink_(sink),
      reflector_(
          options.reflector, [&client] { return client.random(); }, Clock::now()),
      silence_(options.silence) {}

ApiCall CollectionLoop::CallOf(std::string verb, const std::string& query) const {
  ApiCall call{.verb = std::move(verb), .method = "GET", .target = spec_.path + "?" + query};
  if (query.empty()) call.target.pop_back();
  call.impersonate_user = spec_.impersonate_user;
  if (spec_.metadata_only) call.accept = MetadataAccept(call.verb == "list");
  return call;
}

void CollectionLoop::Failed(int status, const std::string& message) {
  health_.forbidden = status == 401 || status == 403;
  health_.unavailable = true;
  health_.last_error = message;
}

void CollectionLoop::Succeeded() {
  health_.forbidden = false;
  health_.unavailable = false;
  health_.last_error.clear();
}

void CollectionLoop::Obey(StoreAction action, std::optional<Node> object) {
  switch (action) {
    case StoreAction::kNone:
      break;
    case StoreAction::kCollect:
      if (object) sink_.Collect(*std::move(object));
      break;
    case StoreAction::kReplace:
      // An event that completes the set is a bookmark: no object of the collection.
      sink_.Replace();
      break;
    case StoreAction::kDropPending:
      sink_.DropPending();
      break;
    case StoreAction::kUpsert:
      if (object) sink_.Upsert(*std::move(object));
      break;
    case StoreAction::kRemove:
      if (object) sink_.Remove(*std::move(object));
      break;
  }
  health_.synced = reflector_.synced();
  health_.resource_version = reflector_.resource_version();
}

awaitable<Result<>> CollectionLoop::Run() {
  for (;;) {
    const ReflectorStep step = reflector_.Next(Clock::now());
    if (const Pause* pause = std::get_if<Pause>(&step)) {
      health_.state = CollectionState::kWaiting;
      health_.next_try = pause->until;
      CO_TRY(co_await net::SleepUntil(pause->until));
      health_.next_try.reset();
    } else if (const ListRequest* list = std::get_if<ListRequest>(&step)) {
      CO_TRY(co_await ListPage(*list));
    } else {
      const WatchRequest& watch = std::get<WatchRequest>(step);
      CO_TRY(co_await Watch(watch));
    }
  }
}

awaitable<Result<>> CollectionLoop::ListPage(ListRequest request) {
  health_.state = CollectionState::kListing;
  if (request.continue_token.empty()) ++counters_.relists[Index(request.reason)];
  ++counters_.pages;
  resync_ = false;
  const std::string selectors = SelectorQuery(spec_.field_selector, spec_.label_selector);
  ApiCall call = CallOf("list", ListQuery(request, selectors));
  auto opened = co_await client_.Open(std::move(call));
  ApiFailure failure;
  const Take take = [this](Node object) { sink_.Collect(std::move(object)); };
  if (opened) {
    ApiStream stream = *std::move(opened);
    auto meta = co_await ReadPage(&stream, take, &failure);
    if (meta) {
      client_.Release(std::move(stream));
      Succeeded();
      const auto& [version, token] = *meta;
      Obey(reflector_.OnPage(version, token, Clock::now()), std::nullopt);
      co_return Result<>();
    }
    if (meta.error().code == ErrorCode::kCancelled) co_return Fail(std::move(meta).error());
    Failed(stream.status(), meta.error().message);
    client_.Release(std::move(stream));
  } else {
    if (opened.error().code == ErrorCode::kCancelled) co_return Fail(std::move(opened).error());
    failure = FailureOfError(opened.error());
    Failed(0, opened.error().message);
  }
  Obey(reflector_.OnListFailed(failure, Clock::now()), std::nullopt);
  co_return Result<>();
}

// The items go to `take` as they come. An answer other than 200 fills `failure`.
awaitable<Result<ListMeta>> CollectionLoop::ReadPage(ApiStream* stream, Take take,
                                                     ApiFailure* failure) {
  if (stream->status() != 200) {
    auto body = co_await client_.ReadRest(stream, kMaxErrorBody);
    if (!body && body.error().code == ErrorCode::kCancelled) co_return Fail(body.error());
    const std::string text = body ? *body : "";
    *failure = FailureOfResponse(stream->status(), text, stream->head().retry_after);
    co_return Fail(ErrorOfReply(stream->status(), text, "list " + spec_.resource));
  }
  ListFramer framer(options_.max_object_bytes);
  const MonoTime deadline = Clock::now() + options_.list_timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    const milliseconds patience = std::min(left, kListIdle);
    CO_TRY_ASSIGN(const std::optional<std::string> piece, co_await stream->ReadSome(patience));
    if (!piece) co_return framer.Finish();
    health_.last_byte = Clock::now();
    CO_TRY_ASSIGN(const std::vector<std::string> items, framer.Feed(*piece));
    for (const std::string& item : items) {
      CO_TRY_ASSIGN(Node object, document::ParseJson(item));
      take(std::move(object));
    }
  }
}

awaitable<Result<QuorumList>> CollectionLoop::ConfirmByQuorum() {
  const std::string selectors = SelectorQuery(spec_.field_selector, spec_.label_selector);
  QuorumList found;
  ListRequest request;
  request.resource_version = "";
  request.limit = options_.reflector.page_size;
  for (;;) {
    ApiCall call = CallOf("list", ListQuery(request, selectors));
    call.accept = MetadataAccept(true);
    CO_TRY_ASSIGN(ApiStream stream, co_await client_.Open(std::move(call)));
    ApiFailure failure;
    auto meta = co_await ReadNames(&stream, &found.names, &failure);
    client_.Release(std::move(stream));
    if (!meta) {
      const bool again = failure.kind == ApiFailureKind::kExpired && request.limit > 0;
      if (!again) co_return Fail(std::move(meta).error());
      // The snapshot behind the pages is gone: everything at once.
      found = QuorumList();
      request = ListRequest();
      continue;
    }
    if (found.resource_version.empty()) found.resource_version = meta->resource_version;
    if (meta->continue_token.empty()) co_return found;
    request.resource_version.reset();
    request.continue_token = meta->continue_token;
  }
}

awaitable<Result<ListMeta>> CollectionLoop::ReadNames(ApiStream* stream,
                                                      std::set<std::string, std::less<>>* names,
                                                      ApiFailure* failure) {
  const auto note = [names](const Node& object) { names->insert(NameOf(object)); };
  const Take take = note;
  return ReadPage(stream, take, failure);
}

void CollectionLoop::RequestResync() {
  reflector_.RequestResync();
  resync_ = true;
  if (open_watch_ != nullptr) open_watch_->Close();
}

std::string_view CollectionStateName(CollectionState state) {
  constexpr std::array<std::string_view, 4> kNames = {"waiting", "listing", "opening", "watching"};
  return kNames[Index(state)];
}
std::string_view WatchEventTypeName(WatchEventType type) {
  constexpr std::array<std::string_view, 4> kNames = {"added", "modified", "deleted", "bookmark"};
  return kNames[Index(type)];
}
std::string_view RewatchReasonName(RewatchReason reason) {
  constexpr std::array<std::string_view, 6> kNames = {"timeout", "eof",  "expired",
                                                      "error",   "idle", "throttled"};
  return kNames[Index(reason)];
}
std::string_view RelistReasonName(RelistReason reason) {
  constexpr std::array<std::string_view, 4> kNames = {"start", "expired", "error", "resync"};
  return kNames[Index(reason)];
}

}  // namespace seccompd::kube
