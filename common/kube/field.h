// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/document/document.h"

namespace seccompd::kube {

// Typed access to the members of a JSON or YAML object, as apimachinery decodes: an absent or null
// member is the type's zero value, a member of another type is kInvalidArgument. Messages begin
// with the field's path seen from `object`; each caller further out prefixes its own part (Under).

// "metadata" + "labels.app: ..." -> "metadata.labels.app: ..."; an inner "[3]..." gets no dot.
[[nodiscard]] base::Error Under(std::string_view field, base::Error error);

// An error about the node itself, "<field>: must be <expected>, not <what it is> (line 7)".
[[nodiscard]] base::Error WrongType(std::string_view field, std::string_view expected,
                                    const document::Node& node);

// The member or nullptr if absent or null.
[[nodiscard]] base::Result<const document::Node*> ObjectField(const document::Node& object,
                                                              std::string_view key);
[[nodiscard]] base::Result<const document::Node*> ArrayField(const document::Node& object,
                                                             std::string_view key);

[[nodiscard]] base::Result<std::string> StringField(const document::Node& object,
                                                    std::string_view key);
[[nodiscard]] base::Result<bool> BoolField(const document::Node& object, std::string_view key,
                                           bool absent);
[[nodiscard]] base::Result<std::map<std::string, std::string>> StringMapField(
    const document::Node& object, std::string_view key);
[[nodiscard]] base::Result<std::vector<std::string>> StringListField(const document::Node& object,
                                                                     std::string_view key);

// The text of a string node, "" for null; `field` is only for the message.
[[nodiscard]] base::Result<std::string> StringOf(const document::Node& node,
                                                 std::string_view field);

// Calls `visit` with each element of an array of objects; null elements are errors.
using VisitObject = std::function<base::Result<>(const document::Node& element)>;
[[nodiscard]] base::Result<> ForEachObject(const document::Node& object, std::string_view key,
                                           const VisitObject& visit);

}  // namespace seccompd::kube
