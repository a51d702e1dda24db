// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/profile_text.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/seccomp/object_reader.h"

namespace seccompd::seccomp {
namespace {

using document::Node;
using document::Position;

tl::unexpected<Diagnostic> Fail(std::string_view code, std::string message, Position at) {
  return tl::unexpected<Diagnostic>(Diagnostic{.code = code,
                                               .severity = Severity::kError,
                                               .pointer = {},
                                               .message = std::move(message),
                                               .line = at.line,
                                               .column = at.column});
}

tl::unexpected<Diagnostic> Refuse(const base::Error& error, Position at, std::string_view format) {
  // The place stands in the diagnostic, so the message goes without it.
  const std::string prefix = fmt::format("line {} column {}: ", at.line, at.column);
  std::string_view message = error.message;
  if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  if (error.code == base::ErrorCode::kResourceExhausted) {
    return Fail(codes::kTooLarge, std::string(message), at);
  }
  return Fail(codes::kNotJsonOrYaml, fmt::format("not {}: {}", format, message), at);
}

}  // namespace

void ReportEmpty(const document::Node& root, DiagnosticSink& sink) {
  ObjectReader read(sink);
  const document::Node* kind = root.Find("kind");
  if (root.Find("apiVersion") != nullptr && kind != nullptr) {
    read.Add(codes::kEmptyProfile, root, {},
             fmt::format("this is a Kubernetes manifest of kind {}, not a profile; a runtime would "
                         "load no filter from it",
                         Quoted(kind->scalar)));
    return;
  }
  read.Add(codes::kEmptyProfile, root, {},
           "neither defaultAction nor syscalls is given, and from such a profile a runtime loads "
           "no filter at all; add a defaultAction");
}

tl::expected<Node, Diagnostic> ReadProfileText(std::string_view text, const ProfileLimits& limits) {
  document::Limits bounds;
  bounds.bytes = limits.bytes;
  Position at;
  if (document::LooksLikeJson(text)) {
    auto root = document::ParseJson(text, bounds, &at);
    if (!root) return Refuse(root.error(), at, "JSON");
    return *std::move(root);
  }
  auto documents = document::ParseYaml(text, bounds, &at);
  if (!documents) return Refuse(documents.error(), at, "YAML");
  if (documents->empty()) {
    Node none;
    none.line = 1;
    none.column = 1;
    return none;
  }
  if (documents->size() > 1) {
    const Node& second = (*documents)[1];
    return Fail(codes::kSeveralDocuments,
                fmt::format("{} YAML documents in one profile; keep one", documents->size()),
                {.line = second.line, .column = second.column});
  }
  return std::move(documents->front());
}

}  // namespace seccompd::seccomp
