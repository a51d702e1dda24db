// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>

#include "common/base/strings.h"
#include "tests/support/api_discovery.h"
#include "tests/support/api_state.h"

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

ApiResponse TooLarge(std::uint64_t asked, std::uint64_t current) {
  // apiserver/pkg/storage/errors.go NewTooLargeResourceVersionError
  return StatusResponse(504, "Timeout",
                        "Timeout: Too large resource version: " + std::to_string(asked) +
                            ", current: " + std::to_string(current),
                        R"({"causes":[{"reason":"ResourceVersionTooLarge","message":)"
                        R"("Too large resource version"}],"retryAfterSeconds":1})");
}

// "<version>:<key>" in the clear; a real token is base64 of such a thing.
std::string ContinueToken(std::uint64_t version, const std::string& key) {
  return std::to_string(version) + ":" + key;
}

struct Page {
  std::uint64_t version = 0;
  std::string after = {};
  std::size_t limit = 0;
  ApiStore::Objects objects;
};

json::value Slim(const json::object& object, const std::string& kind) {
  json::object slim;
  slim["kind"] = kind;
  slim["apiVersion"] = "meta.k8s.io/v1";
  slim["metadata"] = object.at("metadata");
  return slim;
}

ApiResponse RenderList(const ApiRequest& request, const Page& page, const ApiKind& kind) {
  const auto selector =
      ApiSelector::Parse(request.Query("labelSelector"), request.Query("fieldSelector"));
  if (!selector) return StatusResponse(400, "BadRequest", "unable to parse requirement");
  const bool metadata_only =
      request.Header("accept").find("as=PartialObjectMetadataList") != std::string::npos;
  const std::string prefix = ApiKey(request.resource, request.name_space, "");
  const std::string scope = request.name_space.empty() ? request.resource + "/" : prefix;
  std::string items;
  std::string last;
  std::size_t count = 0;
  std::string token;
  for (auto at = page.objects.lower_bound(scope); at != page.objects.end(); ++at) {
    const auto& [key, object] = *at;
    if (!key.starts_with(scope)) break;
    if (key <= page.after || !selector->Matches(object)) continue;
    if (page.limit > 0 && count == page.limit) {
      token = ContinueToken(page.version, last);
      break;
    }
    json::object item = object;
    // A list's items carry no kind; those of a metadata list do.
    item.erase("kind");
    item.erase("apiVersion");
    if (count > 0) items += ',';
    items += metadata_only ? json::serialize(Slim(object, "PartialObjectMetadata"))
                           : json::serialize(item);
    last = key;
    ++count;
  }
  json::object metadata;
  metadata["resourceVersion"] = std::to_string(page.version);
  if (!token.empty()) metadata["continue"] = token;
  json::object head;
  head["kind"] = metadata_only ? std::string("PartialObjectMetadataList") : kind.kind + "List";
  head["apiVersion"] = metadata_only ? std::string("meta.k8s.io/v1") : kind.api_version;
  head["metadata"] = metadata;
  std::string text = json::serialize(head);
  text.pop_back();
  ApiResponse response;
  response.body = text + ",\"items\":[" + items + "]}\n";
  return response;
}

ApiResponse List(const ApiState& state, const ApiRequest& request, const ApiKind& kind) {
  const std::string version_text = request.Query("resourceVersion");
  const std::string token = request.Query("continue");
  const auto limit = base::ParseInt<std::size_t>(request.Query("limit")).value_or(0);
  Page page;
  if (!token.empty()) {
    if (!version_text.empty()) {
      return StatusResponse(400, "BadRequest",
                            "specifying resource version is not allowed when using continue");
    }
    const std::size_t colon = token.find(':');
    page.version = base::ParseInt<std::uint64_t>(token.substr(0, colon)).value_or(0);
    if (page.version < state.store.compacted()) {
      return StatusResponse(410, state.behaviour.expired_reason,
                            "The provided continue parameter is too old to display a consistent "
                            "list result. You can start a new list without the continue parameter, "
                            "or use the continue token in this response to retrieve the remainder "
                            "of the results.");
    }
    page.after = token.substr(colon + 1);
    page.limit = limit;
    page.objects = state.store.At(page.version);
    return RenderList(request, page, kind);
  }
  const auto asked = base::ParseInt<std::uint64_t>(version_text).value_or(0);
  if (version_text.empty()) {
    // A quorum read: the storage itself, in pages if asked.
    page.version = state.store.version();
    page.limit = limit;
    page.objects = state.store.objects();
    return RenderList(request, page, kind);
  }
  if (asked > state.CacheVersion()) return TooLarge(asked, state.CacheVersion());
  // The watch cache: at "0" it ignores the limit.
  page.version = state.CacheVersion();
  page.limit = asked == 0 && state.behaviour.watch_cache ? 0 : limit;
  page.objects = state.store.At(page.version);
  return RenderList(request, page, kind);
}

ApiResponse NotFound(const ApiRequest& request) {
  return StatusResponse(
      404, "NotFound", request.resource + " \"" + request.name + "\" not found",
      R"({"name":")" + request.name + R"(","kind":")" + request.resource + R"("})");
}

ApiResponse Single(const json::object& object, int status) {
  ApiResponse response;
  response.status = status;
  response.body = json::serialize(object) + "\n";
  return response;
}

// pkg/apis/core/validation/events.go, legacy fields left out.
std::string EventProblem(const json::object& event, const std::string& name_space) {
  const auto text = [&event](std::string_view key) {
    const json::value* value = event.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
  };
  for (const std::string_view key :
       {"eventTime", "reason", "action", "reportingController", "reportingInstance"}) {
    if (text(key).empty()) return std::string(key) + ": Required value";
  }
  if (text("type") != "Normal" && text("type") != "Warning") return "type: has invalid value";
  if (text("reason").size() > 128) return "reason: can have at most 128 characters";
  if (text("action").size() > 128) return "action: can have at most 128 characters";
  if (text("reportingInstance").size() > 128) return "reportingInstance: can have at most 128";
  if (text("note").size() > 1024) return "note: can have at most 1024 characters";
  for (const std::string_view key : {"deprecatedFirstTimestamp", "deprecatedLastTimestamp",
                                     "deprecatedCount", "deprecatedSource"}) {
    if (event.contains(key)) return std::string(key) + ": needs to be unset";
  }
  const json::value* regarding = event.if_contains("regarding");
  const bool object = regarding != nullptr && regarding->is_object();
  const json::value* space = object ? regarding->as_object().if_contains("namespace") : nullptr;
  const std::string regarding_space =
      space != nullptr && space->is_string() ? std::string(space->as_string()) : "default";
  if (regarding_space != name_space) return "regarding.namespace: does not match event.namespace";
  return "";
}

std::string Base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, 0);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  auto* room = reinterpret_cast<unsigned char*>(out.data());
  const int size = EVP_EncodeBlock(room, bytes, static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string AddToken(ApiState* state, const std::string& name_space, const std::string& name) {
  const std::string user = "system:serviceaccount:" + name_space + ":" + name;
  const std::string token = "token-" + std::to_string(state->users.size()) + "-of-" + name;
  state->users[token] = ApiUser{.name = user};
  return token;
}

// As the token controller did before 1.24.
void AddTokenSecret(ApiState* state, json::object* account) {
  const std::string name_space = MetaText(*account, "namespace");
  const std::string name = MetaText(*account, "name");
  const std::string token = AddToken(state, name_space, name);
  const std::string secret = name + "-token";
  state->store.Put("secrets", {{"kind", "Secret"},
                               {"apiVersion", "v1"},
                               {"metadata", {{"name", secret}, {"namespace", name_space}}},
                               {"data", {{"token", Base64(token)}}}});
  (*account)["secrets"] = json::array{{{"name", secret}}};
}

ApiResponse Create(ApiState* state, const ApiRequest& request, const ApiKind& kind) {
  json::error_code code;
  json::value parsed = json::parse(request.body, code);
  if (code || !parsed.is_object()) {
    return StatusResponse(400, "BadRequest", "the object provided is unrecognized");
  }
  json::object object = std::move(parsed.as_object());
  if (MetaText(object, "name").empty()) {
    return StatusResponse(422, "Invalid", "metadata.name: Required value");
  }
  if (MetaText(object, "namespace").empty() && kind.namespaced) {
    object["metadata"].as_object()["namespace"] = request.name_space;
  }
  if (MetaText(object, "namespace") != request.name_space) {
    return StatusResponse(400, "BadRequest",
                          "the namespace of the provided object does not match the namespace sent "
                          "on the request");
  }
  if (kind.kind == "Event") {
    const std::string problem = EventProblem(object, request.name_space);
    if (!problem.empty()) return StatusResponse(422, "Invalid", problem);
  }
  const std::string name = MetaText(object, "name");
  if (state->store.Find(request.resource, request.name_space, name) != nullptr) {
    return StatusResponse(409, "AlreadyExists",
                          request.resource + " \"" + name + "\" already exists");
  }
  object["kind"] = kind.kind;
  object["apiVersion"] = kind.api_version;
  if (kind.kind == "ServiceAccount" && !state->behaviour.token_requests) {
    AddTokenSecret(state, &object);
  }
  state->store.Put(request.resource, object);
  return Single(*state->store.Find(request.resource, request.name_space, name), 201);
}

ApiResponse Update(ApiState* state, const ApiRequest& request, const ApiKind& kind) {
  if (state->store.Find(request.resource, request.name_space, request.name) == nullptr) {
    return NotFound(request);
  }
  json::error_code code;
  json::value parsed = json::parse(request.body, code);
  if (code || !parsed.is_object()) {
    return StatusResponse(400, "BadRequest", "the object provided is unrecognized");
  }
  json::object object = std::move(parsed.as_object());
  object["kind"] = kind.kind;
  object["apiVersion"] = kind.api_version;
  state->store.Put(request.resource, std::move(object));
  return Single(*state->store.Find(request.resource, request.name_space, request.name), 200);
}

// A namespace takes everything in it along, at once.
ApiResponse Delete(ApiState* state, const ApiRequest& request) {
  const json::object* found = state->store.Find(request.resource, request.name_space, request.name);
  if (found == nullptr) return NotFound(request);
  const std::string uid = MetaText(*found, "uid");
  if (request.resource == "namespaces") {
    std::vector<std::pair<std::string, std::string>> inside;
    for (const auto& [key, object] : state->store.objects()) {
      if (MetaText(object, "namespace") == request.name) {
        inside.emplace_back(key.substr(0, key.find('/')), MetaText(object, "name"));
      }
    }
    for (const auto& [resource, name] : inside) state->store.Remove(resource, request.name, name);
  }
  state->store.Remove(request.resource, request.name_space, request.name);
  ApiResponse response;
  response.body = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success",)"
                  R"("details":{"name":")" +
                  request.name + R"(","kind":")" + request.resource + R"(","uid":")" + uid +
                  "\"}}\n";
  return response;
}

// TokenRequest of authentication.k8s.io/v1, without a bound object.
ApiResponse RequestToken(ApiState* state, const ApiRequest& request) {
  if (!state->behaviour.token_requests) return NotFound(request);
  if (state->store.Find(request.resource, request.name_space, request.name) == nullptr) {
    return NotFound(request);
  }
  const std::string token = AddToken(state, request.name_space, request.name);
  const json::value answer = {
      {"kind", "TokenRequest"},
      {"apiVersion", "authentication.k8s.io/v1"},
      {"metadata", json::object()},
      {"spec", json::object()},
      {"status", {{"token", token}, {"expirationTimestamp", "2099-01-01T00:00:00Z"}}}};
  ApiResponse response;
  response.status = 201;
  response.body = json::serialize(answer) + "\n";
  return response;
}

ApiResponse Patch(ApiState* state, const ApiRequest& request) {
  const json::object* found = state->store.Find(request.resource, request.name_space, request.name);
  if (found == nullptr) return NotFound(request);
  json::error_code code;
  const json::value patch = json::parse(request.body, code);
  if (code) return StatusResponse(400, "BadRequest", "error decoding patch");
  json::object object = *found;
  const std::string type = request.Header("content-type");
  if (type == "application/json-patch+json") {
    if (!ApplyJsonPatch(&object, patch)) {
      return StatusResponse(422, "Invalid",
                            "the server rejected our request due to an error in our request");
    }
  } else if (type == "application/merge-patch+json" ||
             type == "application/strategic-merge-patch+json") {
    if (!patch.is_object()) return StatusResponse(400, "BadRequest", "error decoding patch");
    ApplyMergePatch(&object, patch.as_object());
  } else {
    return StatusResponse(415, "UnsupportedMediaType",
                          "the body of the request was in an unknown format");
  }
  state->store.Put(request.resource, object);
  return Single(*state->store.Find(request.resource, request.name_space, request.name), 200);
}

}  // namespace

bool MustWaitForCache(const ApiState& state, const ApiRequest& request) {
  const bool list = request.verb == "list" || request.Query("sendInitialEvents") == "true";
  const auto asked = base::ParseInt<std::uint64_t>(request.Query("resourceVersion")).value_or(0);
  return list && asked > state.CacheVersion();
}

ApiResponse HandleRequest(ApiState* state, const ApiRequest& request) {
  if (auto found = HandleDiscovery(request)) return *std::move(found);
  const auto kind = KindOf(request.group, request.resource);
  if (!kind) {
    ApiResponse response;
    response.status = 404;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "404 page not found\n";
    return response;
  }
  if (request.subresource == "token" && request.verb == "create") {
    return RequestToken(state, request);
  }
  if (request.verb == "list") return List(*state, request, *kind);
  if (request.verb == "create") return Create(state, request, *kind);
  if (request.verb == "patch") {
    if (state->behaviour.before_patch) state->behaviour.before_patch(*state);
    return Patch(state, request);
  }
  if (request.verb == "update") return Update(state, request, *kind);
  if (request.verb == "delete") return Delete(state, request);
  if (request.verb == "get") {
    const json::object* found =
        state->store.Find(request.resource, request.name_space, request.name);
    return found == nullptr ? NotFound(request) : Single(*found, 200);
  }
  return StatusResponse(405, "MethodNotAllowed",
                        "the server does not allow this method on the requested resource");
}

}  // namespace seccompd::test_support
