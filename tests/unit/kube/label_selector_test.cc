// SPDX-License-Identifier: Apache-2.0
#include "common/kube/label_selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace seccompd::kube {
namespace {

using test_support::IsError;
using ::testing::HasSubstr;

bool Matches(std::string_view selector, const Labels& labels) {
  const auto parsed = ParseLabelSelector(selector);
  EXPECT_THAT(parsed, test_support::IsOk()) << selector;
  return parsed && parsed->Matches(labels);
}

TEST(ParseLabelSelector, MatchesAsKubectlDoes) {
  const Labels node = {
      {"pool", "canary"}, {"cloud.google.com/gke-nodepool", "a1"}, {"empty", ""}, {"disks", "12"}};
  struct Case {
    const char* selector;
    bool matches;
  };
  for (const Case& c : {
           Case{"", true},
           {"  ", true},
           {"pool=canary", true},
           {"pool == canary", true},
           {"pool=other", false},
           {"pool!=other", true},
           {"pool!=canary", false},
           {"absent!=x", true},
           {"absent=x", false},
           {"absent=", false},
           {"empty=", true},
           {"pool", true},
           {"!pool", false},
           {"!absent", true},
           {"pool in (prod, canary)", true},
           {"pool in (prod)", false},
           {"pool notin (prod,test)", true},
           {"pool notin (canary)", false},
           {"absent notin (x)", true},
           {"absent in (x)", false},
           {"empty in ()", true},
           {"disks>11", true},
           {"disks > 12", false},
           {"disks<13", true},
           {"pool>1", false},
           {"absent<1", false},
           {"cloud.google.com/gke-nodepool=a1,pool in (canary),!gpu", true},
           {"pool=canary,gpu", false},
       }) {
    EXPECT_EQ(Matches(c.selector, node), c.matches) << c.selector;
  }
}

TEST(ParseLabelSelector, SaysWhereItWentWrong) {
  for (const char* text : {",", "a,", "a=b,,c", "=b", "a in b", "a in (b", "a in (b c)", "a b",
                           "!a=b", "a>x", "a=b c", "-a", "a=-b", "x/y/z", "A.b/", "/a", "a=b)"}) {
    EXPECT_FALSE(ParseLabelSelector(text)) << text;
  }
  EXPECT_THAT(ParseLabelSelector("a in (b"),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("byte 7: found the end")));
  EXPECT_THAT(ParseLabelSelector("a like b"),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("'like' after 'a'")));
}

TEST(ParseLabelSelector, IsBounded) {
  EXPECT_THAT(ParseLabelSelector(std::string(4'097, 'a')),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("4096")));
  EXPECT_FALSE(ParseLabelSelector(std::string(64, 'a')));
  EXPECT_TRUE(ParseLabelSelector(std::string(63, 'a')));
}

}  // namespace
}  // namespace seccompd::kube
