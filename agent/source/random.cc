// SPDX-License-Identifier: Apache-2.0
#include "agent/source/random.h"

#include <random>

namespace seccompd::agent {

Random MakeRandom() {
  std::minstd_rand engine{std::random_device{}()};
  return [engine]() mutable { return std::uniform_real_distribution<double>(0, 1)(engine); };
}

}  // namespace seccompd::agent
