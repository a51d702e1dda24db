// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_message.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/net/http_text.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Fail;

// A field or target that could smuggle in another line is our own bug or a user's trick.
bool IsClean(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != ':' && c != '"' && c != '(' && c != ')' && c != ',';
  });
}

}  // namespace

std::string_view ReplyHead::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualIgnoringCase(key, name)) return value;
  }
  return "";
}

base::Result<std::string> SerializeRequest(const ClientRequest& request,
                                           const std::string& authority,
                                           const std::string& prefix) {
  const std::string target = prefix + request.target;
  if (!IsToken(request.method) || !target.starts_with('/') || !IsClean(target) ||
      target.find(' ') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "request: bad method or target");
  }
  std::string text = request.method + " " + target + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  text += request.gzip ? "Accept-Encoding: gzip\r\n" : "Accept-Encoding: identity\r\n";
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name) || !IsClean(value)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "request: bad header '" + base::Printable(name) + "'");
    }
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return text + "\r\n" + request.body;
}

}  // namespace seccompd::net
