// SPDX-License-Identifier: Apache-2.0
#include "agent/build_key.h"

#include <gmock/gmock.h>

namespace seccompd::agent {
namespace {

TEST(BuildKey, IsOneNameForOneBinary) {
  const std::string key = BuildKey();
  EXPECT_THAT(key, testing::AnyOf("", testing::SizeIs(16)));  // "": linked without a build ID
  EXPECT_EQ(key, BuildKey());
}

}  // namespace
}  // namespace seccompd::agent
