// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/kube/reflector.h"

namespace seccompd::kube {

// Query strings of collections, without '?', escaped (apimachinery meta/v1 ListOptions).
[[nodiscard]] std::string SelectorQuery(std::string_view field_selector,
                                        std::string_view label_selector);
[[nodiscard]] std::string ListQuery(const ListRequest& request, const std::string& selectors);
[[nodiscard]] std::string WatchQuery(const WatchRequest& request, const std::string& selectors);

// The Accept header that asks for metadata alone, "PartialObjectMetadata" or its list; a server
// that does not know it (before 1.15) answers with whole objects, which hold the same metadata.
[[nodiscard]] std::string MetadataAccept(bool list);

// What a request that got no answer means to a reflector.
[[nodiscard]] ApiFailure FailureOfError(const base::Error& error);

}  // namespace seccompd::kube
