// SPDX-License-Identifier: Apache-2.0
#include "common/filters/filter_cache.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace seccompd::filters {
namespace {

const bpf::Stack kStackA = {{{6, 0, 0, 1}}};
const bpf::Stack kStackB = {{{6, 0, 0, 2}}, {{6, 0, 0, 3}}};

Task Holder(pid_t pid, std::uint64_t filter, std::uint64_t start = 1, std::uint64_t cgroup = 1) {
  Task task;
  task.id = {.pid = pid, .start_ns = start, .exec_id = 1};
  task.tgid = pid;
  task.filter = filter;
  task.cgroup_id = cgroup;
  task.filter_count = 1;
  task.mode = 2;
  return task;
}

DumpRequest Request(const Task& task) { return {.id = task.id, .filter = task.filter}; }

Dump Answer(const Task& task, tl::expected<bpf::Stack, Unknown> stack) {
  return {.request = Request(task), .filter = task.filter, .stack = std::move(stack)};
}

// The content known of a task, or nothing.
std::optional<bpf::Stack> Known(const FilterCache& cache, const Task& task) {
  const auto found = cache.Find(task);
  if (!found) return std::nullopt;
  return **found;
}

using Requests = std::vector<DumpRequest>;

TEST(FilterCache, AsksOncePerFilterForItsFirstHolder) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xa), Holder(12, 0xb)};
  cache.Update(scan);
  EXPECT_EQ(cache.Requests(), (Requests{Request(scan[0]), Request(scan[2])}));
  EXPECT_EQ(cache.Find(scan[0]), tl::unexpected(Unknown::kPending));
}

TEST(FilterCache, ADumpServesEveryHolderSeenAfterTheOneDumped) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xa), Holder(12, 0xb)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], kStackA));
  cache.Store(Answer(scan[2], kStackB));
  EXPECT_EQ(Known(cache, scan[0]), kStackA);
  EXPECT_EQ(Known(cache, scan[1]), kStackA);
  EXPECT_EQ(Known(cache, scan[2]), kStackB);
  EXPECT_TRUE(cache.Requests().empty());
}

TEST(FilterCache, ASteadyNodeIsNotReadAgain) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xa)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], kStackA));
  for (int i = 0; i < 3; ++i) {
    cache.Update(scan);
    EXPECT_TRUE(cache.Requests().empty());
    EXPECT_EQ(Known(cache, scan[1]), kStackA);
  }
}

TEST(FilterCache, AnAddressWithoutItsHoldersIsReadAnew) {
  FilterCache cache;
  const Task old = Holder(10, 0xa);
  cache.Update(std::vector<Task>{old});
  cache.Store(Answer(old, kStackA));

  const Task reuser = Holder(11, 0xa);
  cache.Update(std::vector<Task>{reuser});
  EXPECT_EQ(cache.Find(reuser), tl::unexpected(Unknown::kPending));
  EXPECT_EQ(cache.Requests(), Requests{Request(reuser)});
  cache.Store(Answer(reuser, kStackB));
  EXPECT_EQ(Known(cache, reuser), kStackB);
}

TEST(FilterCache, AReusedPidIsNotTheHolder) {
  FilterCache cache;
  const Task old = Holder(10, 0xa, /*start=*/1);
  cache.Update(std::vector<Task>{old});
  cache.Store(Answer(old, kStackA));
  const Task reused = Holder(10, 0xa, /*start=*/2);
  cache.Update(std::vector<Task>{reused});
  EXPECT_EQ(Known(cache, reused), std::nullopt);
}

TEST(FilterCache, AThreadThatTookAPidOverByExecIsNotTheHolder) {
  FilterCache cache;
  const Task old = Holder(10, 0xa);
  cache.Update(std::vector<Task>{old});
  cache.Store(Answer(old, kStackA));
  Task taken = old;
  taken.id.exec_id = 2;
  cache.Update(std::vector<Task>{taken});
  EXPECT_EQ(Known(cache, taken), std::nullopt);
}

TEST(FilterCache, ANewHolderSeenBeforeAProvenOneIsProven) {
  FilterCache cache;
  const Task old = Holder(20, 0xa);
  cache.Update(std::vector<Task>{old});
  cache.Store(Answer(old, kStackA));
  // 20 held the filter before and after 15 was seen with it.
  const Task fresh = Holder(15, 0xa);
  cache.Update(std::vector<Task>{fresh, old});
  EXPECT_EQ(Known(cache, fresh), kStackA);
  EXPECT_TRUE(cache.Requests().empty());
}

TEST(FilterCache, ANewHolderSeenAfterTheLastProvenOneIsDumped) {
  FilterCache cache;
  const Task old = Holder(20, 0xa);
  cache.Update(std::vector<Task>{old});
  cache.Store(Answer(old, kStackA));
  // Between the two sightings 20 may have exited and its address been given to 25.
  const Task fresh = Holder(25, 0xa);
  cache.Update(std::vector<Task>{old, fresh});
  EXPECT_EQ(Known(cache, old), kStackA);
  EXPECT_EQ(Known(cache, fresh), std::nullopt);
  EXPECT_EQ(cache.Requests(), Requests{Request(fresh)});

  FilterCache same = cache;
  same.Store(Answer(fresh, kStackA));
  EXPECT_EQ(Known(same, old), kStackA);
  EXPECT_EQ(Known(same, fresh), kStackA);

  cache.Store(Answer(fresh, kStackB));
  EXPECT_EQ(Known(cache, fresh), kStackB);
  EXPECT_EQ(Known(cache, old), std::nullopt);
}

TEST(FilterCache, ProvenChildrenOutliveTheOneThatWasDumped) {
  FilterCache cache;
  const Task parent = Holder(10, 0xa);
  const Task child = Holder(11, 0xa);
  cache.Update(std::vector<Task>{parent, child});
  cache.Store(Answer(parent, kStackA));
  cache.Update(std::vector<Task>{child});
  EXPECT_EQ(Known(cache, child), kStackA);
}

TEST(FilterCache, WhenTheOneAskedForIsGoneTheNextIsAsked) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xa)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], tl::unexpected(Unknown::kGone)));
  EXPECT_EQ(cache.Requests(), Requests{Request(scan[1])});
  cache.Store(Answer(scan[1], kStackA));
  EXPECT_EQ(Known(cache, scan[1]), kStackA);
  EXPECT_EQ(cache.Find(scan[0]), tl::unexpected(Unknown::kGone));
}

TEST(FilterCache, EndlessFailuresEndTheScanNotTheCache) {
  FilterCache cache;
  std::vector<Task> scan;
  for (pid_t pid = 10; pid < 30; ++pid) scan.push_back(Holder(pid, 0xa));
  cache.Update(scan);
  int asked = 0;
  for (Requests requests; !(requests = cache.Requests()).empty(); ++asked) {
    ASSERT_LT(asked, 10);
    cache.Store({.request = requests[0], .stack = tl::unexpected(Unknown::kTorn)});
  }
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(cache.Find(scan.back()), tl::unexpected(Unknown::kTorn));
  cache.Update(scan);
  EXPECT_EQ(cache.Requests().size(), 1U);
}

TEST(FilterCache, WhatIsTrueOfTheFilterIsNotAskedAgain) {
  for (const Unknown reason :
       {Unknown::kTooManyFilters, Unknown::kTooManyInstructions, Unknown::kNoOriginal}) {
    FilterCache cache;
    const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xa)};
    cache.Update(scan);
    cache.Store(Answer(scan[0], tl::unexpected(reason)));
    cache.Update(scan);
    EXPECT_TRUE(cache.Requests().empty());
    EXPECT_EQ(cache.Find(scan[1]), tl::unexpected(reason));
  }
}

TEST(FilterCache, AnAnswerOfAnotherFilterIsNotStored) {
  FilterCache cache;
  const Task task = Holder(10, 0xa);
  cache.Update(std::vector<Task>{task});
  cache.Store({.request = Request(task), .filter = 0xb, .stack = kStackB});
  EXPECT_EQ(cache.Find(task), tl::unexpected(Unknown::kChanged));
  cache.Update(std::vector<Task>{task});
  cache.Store(
      {.request = Request(task), .filter = 0xb, .stack = tl::unexpected(Unknown::kTooManyFilters)});
  EXPECT_EQ(cache.Find(task), tl::unexpected(Unknown::kChanged));
}

TEST(FilterCache, AnAnswerNobodyWaitsForIsNotStored) {
  FilterCache cache;
  const Task task = Holder(10, 0xa);
  cache.Store(Answer(task, kStackA));
  cache.Update(std::vector<Task>{Holder(11, 0xa)});
  cache.Store(Answer(task, kStackA));
  EXPECT_EQ(Known(cache, task), std::nullopt);
  EXPECT_EQ(cache.Find(Holder(11, 0xa)), tl::unexpected(Unknown::kPending));
}

TEST(FilterCache, OfTasksWithoutAFilterTheStackIsEmptyAndOfExitingOnesUnknown) {
  FilterCache cache;
  Task none = Holder(10, 0);
  none.mode = 0;
  Task exiting = Holder(11, 0);
  // The moment between attaching the first filter and switching the mode.
  Task attaching = Holder(12, 0xa);
  attaching.mode = 0;
  cache.Update(std::vector<Task>{none, exiting, attaching});
  EXPECT_TRUE(cache.Requests().empty());
  EXPECT_EQ(Known(cache, none), bpf::Stack{});
  EXPECT_EQ(cache.Find(exiting), tl::unexpected(Unknown::kNoFilter));
  EXPECT_EQ(Known(cache, attaching), bpf::Stack{});
}

TEST(FilterCache, EqualStacksAreOneObject) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xb)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], kStackB));
  cache.Store(Answer(scan[1], kStackB));
  EXPECT_EQ(*cache.Find(scan[0]), *cache.Find(scan[1]));
  EXPECT_EQ(cache.InstructionCount(), 2U);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(FilterCache, ForgetsWhatNobodyHolds) {
  FilterCache cache;
  const std::vector<Task> scan = {Holder(10, 0xa), Holder(11, 0xb)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], kStackA));
  cache.Store(Answer(scan[1], kStackB));
  const SharedStack kept = *cache.Find(scan[0]);
  cache.Update({});
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.InstructionCount(), 0U);
  EXPECT_EQ(*kept, kStackA);
}

TEST(FilterCache, OneGroupCannotUseUpTheCache) {
  FilterCache cache({.stacks_per_group = 3});
  std::vector<Task> scan;
  for (pid_t pid = 10; pid < 20; ++pid) {
    scan.push_back(Holder(pid, static_cast<std::uint64_t>(pid), 1, /*cgroup=*/7));
  }
  scan.push_back(Holder(20, 0xff, 1, /*cgroup=*/8));
  cache.Update(scan);
  for (Requests requests; !(requests = cache.Requests()).empty();) {
    for (const DumpRequest& request : requests) {
      cache.Store({.request = request, .filter = request.filter, .stack = kStackA});
    }
  }
  int known = 0;
  for (const Task& task : scan) known += cache.Find(task) ? 1 : 0;
  EXPECT_EQ(known, 4);
  EXPECT_EQ(Known(cache, scan.back()), kStackA);
  int limited = 0;
  for (const Task& task : scan) limited += cache.Find(task) == tl::unexpected(Unknown::kLimit);
  EXPECT_EQ(limited, 7);
}

TEST(FilterCache, InstructionsAreBoundedPerGroupAndInAll) {
  const bpf::Stack ten = {bpf::Program(10, {6, 0, 0, 9})};
  const bpf::Stack other = {bpf::Program(10, {6, 0, 0, 8})};
  const bpf::Stack third = {bpf::Program(10, {6, 0, 0, 7})};
  FilterCache cache({.instructions_per_group = 15, .instructions = 25});
  const std::vector<Task> scan = {Holder(10, 0xa, 1, 1), Holder(11, 0xb, 1, 1),
                                  Holder(12, 0xc, 1, 2), Holder(13, 0xd, 1, 3)};
  cache.Update(scan);
  cache.Store(Answer(scan[0], ten));
  cache.Store(Answer(scan[1], other));
  EXPECT_EQ(cache.Find(scan[1]), tl::unexpected(Unknown::kLimit));
  cache.Store(Answer(scan[2], other));
  EXPECT_EQ(Known(cache, scan[2]), other);
  cache.Store(Answer(scan[3], third));
  EXPECT_EQ(cache.Find(scan[3]), tl::unexpected(Unknown::kLimit));
  EXPECT_TRUE(cache.Requests().empty());
}

TEST(FilterCache, GivesOutABoundedNumberOfRequestsAtOnce) {
  FilterCache cache({.stacks_per_group = 100, .requests = 2});
  cache.Update(std::vector<Task>{Holder(12, 3), Holder(13, 2), Holder(14, 1)});
  EXPECT_EQ(cache.Requests(), (Requests{Request(Holder(12, 3)), Request(Holder(13, 2))}));
}

TEST(FilterCache, TheCallerMayGroupByContainer) {
  FilterCache cache({.stacks_per_group = 1}, [](const Task& task) -> std::uint64_t {
    return static_cast<std::uint64_t>(task.id.pid);
  });
  cache.Update(std::vector<Task>{Holder(10, 0xa), Holder(11, 0xb)});
  EXPECT_EQ(cache.Requests().size(), 2U);
}

}  // namespace
}  // namespace seccompd::filters
