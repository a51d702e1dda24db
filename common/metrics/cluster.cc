// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/cluster.h"

#include <array>

namespace seccompd::metrics {
namespace {

constexpr std::array kRequestBounds = {.005, .025, .1,  .25,  .5,   1.0,
                                       2.0,  4.0,  8.0, 15.0, 30.0, 60.0};
constexpr std::array kPropagationBounds = {.001, .0025, .005, .01, .025, .05,
                                           .1,   .5,    1.0,  5.0, 30.0};

}  // namespace

void ApiCounters::CountRequest(std::string_view verb, std::string_view method,
                               std::string_view host, std::string_view code,
                               std::chrono::nanoseconds latency) {
  ++requests[{std::string(code), std::string(method), std::string(host)}];
  if (verb == "watch") return;
  const auto [histogram, first] =
      seconds.try_emplace(VerbHost{verb, host}, Histogram(kRequestBounds));
  histogram->second.Observe(std::chrono::duration<double>(latency).count());
}

void ApiCounters::CountRetry(std::string_view verb, std::string_view host, std::string_view code) {
  ++retries[{std::string(code), std::string(verb), std::string(host)}];
}

Histogram PropagationHistogram() { return Histogram(kPropagationBounds); }

}  // namespace seccompd::metrics
