#include "sampler/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace pyprof::test {
namespace {

constexpr uint64_t kOrigin = 5'000'000'000;
constexpr uint64_t kInterval = 1'000'000;

/// Gaps between ticks of a sampler that is always on time.
std::vector<uint64_t> Gaps(uint64_t seed, size_t count, uint64_t interval = kInterval) {
  Schedule schedule(kOrigin, interval, seed);
  std::vector<uint64_t> gaps;
  uint64_t last = kOrigin;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t now = schedule.next();
    gaps.push_back(now - last);
    schedule.Take(now);
    last = now;
  }
  return gaps;
}

TEST(Schedule, GapsAreOneIntervalInTheMean) {
  constexpr size_t kCount = 100'000;
  for (const uint64_t seed : {1u, 2u, 3u}) {
    double sum = 0;
    for (const uint64_t gap : Gaps(seed, kCount)) sum += static_cast<double>(gap);
    // Even between a half and one and a half: a standard deviation of 1/sqrt(12) of the interval.
    const double error = static_cast<double>(kInterval) / std::sqrt(12.0 * kCount);
    EXPECT_NEAR(sum / kCount, static_cast<double>(kInterval), 5 * error) << seed;
  }
}

TEST(Schedule, GapsAreSpreadEvenlyFromAHalfToOneAndAHalf) {
  constexpr size_t kCount = 100'000;
  std::vector<size_t> tenths(10);
  for (const uint64_t gap : Gaps(7, kCount)) {
    ASSERT_GE(gap, kInterval / 2);
    ASSERT_LE(gap, kInterval * 3 / 2);
    ++tenths[std::min<uint64_t>((gap - kInterval / 2) * 10 / kInterval, 9)];
  }
  const double expected = kCount / 10.0;
  for (const size_t count : tenths) {
    EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected));
  }
}

TEST(Schedule, GapsDoNotDependOnTheOneBefore) {
  const std::vector<uint64_t> gaps = Gaps(11, 100'000);
  const auto from_mean = [&gaps](size_t i) {
    return static_cast<double>(gaps[i]) / static_cast<double>(kInterval) - 1.0;
  };
  double covariance = 0;
  for (size_t i = 0; i + 1 < gaps.size(); ++i) covariance += from_mean(i) * from_mean(i + 1);
  const double correlation = covariance / static_cast<double>(gaps.size()) * 12.0;
  EXPECT_NEAR(correlation, 0, 5 / std::sqrt(static_cast<double>(gaps.size())));
}

TEST(Schedule, TheSameSeedGivesTheSameTicksAndAnotherOneOthers) {
  EXPECT_EQ(Gaps(1, 100), Gaps(1, 100));
  EXPECT_NE(Gaps(1, 100), Gaps(2, 100));
}

TEST(Schedule, ASampleOnTimeStandsForTheTimeSinceTheLastOne) {
  Schedule schedule(kOrigin, kInterval, 1);
  const uint64_t first = schedule.next();
  const Schedule::Tick tick = schedule.Take(first);
  EXPECT_EQ(tick.weight, first - kOrigin);
  EXPECT_EQ(tick.gap, 0u);
  EXPECT_EQ(tick.missed, 0u);
}

TEST(Schedule, ALittleLateIsNoMissedTick) {
  Schedule schedule(kOrigin, kInterval, 1);
  const uint64_t late = schedule.next() + kInterval / 10;
  const Schedule::Tick tick = schedule.Take(late);
  EXPECT_EQ(tick.weight, late - kOrigin);
  EXPECT_EQ(tick.missed, 0u);
  EXPECT_GT(schedule.next(), late);
}

TEST(Schedule, WeightAndGapTogetherAreAllTheTime) {
  Schedule schedule(kOrigin, kInterval, 3);
  uint64_t seen = 0;
  uint64_t now = kOrigin;
  uint64_t delay = 12345;
  for (int i = 0; i < 10'000; ++i) {
    delay = delay * 6364136223846793005u + 1442695040888963407u;
    now = schedule.next() + (i % 10 == 0 ? delay % (20 * kInterval) : delay % 1000);
    const Schedule::Tick tick = schedule.Take(now);
    seen += tick.weight + tick.gap;
    ASSERT_EQ(seen, now - kOrigin);
    ASSERT_EQ(tick.gap > 0, tick.missed > 0);
  }
}

TEST(Schedule, MissedTicksAreCountedAndNotMadeUpFor) {
  Schedule schedule(kOrigin, kInterval, 5);
  const uint64_t due = schedule.next();
  const uint64_t now = due + 1000 * kInterval;
  const Schedule::Tick tick = schedule.Take(now);
  EXPECT_NEAR(static_cast<double>(tick.missed), 1000, 50);
  EXPECT_EQ(tick.gap, now - due);
  EXPECT_EQ(tick.weight, due - kOrigin);
  EXPECT_GT(schedule.next(), now) << "the next tick lies ahead: no burst";
  EXPECT_LE(schedule.next(), now + kInterval * 3 / 2);
}

TEST(Schedule, AfterAGapSamplesStandForTheirOwnTimeAgain) {
  Schedule schedule(kOrigin, kInterval, 5);
  const uint64_t now = schedule.next() + 50 * kInterval;
  schedule.Take(now);
  const uint64_t next = schedule.next();
  EXPECT_EQ(schedule.Take(next).weight, next - now);
}

TEST(Schedule, TicksDoNotDrift) {
  Schedule schedule(kOrigin, kInterval, 9);
  for (int i = 0; i < 100'000; ++i) schedule.Take(schedule.next() + 50'000);
  // Each wake-up is 50 us late, the ticks are where they would be anyway.
  const double elapsed = static_cast<double>(schedule.next() - kOrigin);
  const double error = static_cast<double>(kInterval) * std::sqrt(100'001 / 12.0);
  EXPECT_NEAR(elapsed, 100'001.0 * static_cast<double>(kInterval), 5 * error);
}

TEST(Schedule, TheShortestIntervalStillAdvances) {
  for (const uint64_t interval : {0u, 1u, 2u}) {
    Schedule schedule(kOrigin, interval, 1);
    uint64_t last = kOrigin;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_GT(schedule.next(), last);
      last = schedule.next();
      schedule.Take(last);
    }
  }
}

TEST(Schedule, APauseIsInNoGapAndNoWeight) {
  Schedule paused(1000, 100, 7);
  Schedule steady(1000, 100, 7);
  uint64_t total = 0;
  uint64_t shift = 0;
  for (int i = 0; i < 1000; ++i) {
    paused.Shift(12345);
    shift += 12345;
    ASSERT_EQ(paused.next(), steady.next() + shift);
    const Schedule::Tick tick = paused.Take(paused.next());
    EXPECT_EQ(tick.missed, 0u);
    EXPECT_EQ(tick.weight, steady.Take(steady.next()).weight);
    total += tick.weight;
  }
  EXPECT_EQ(paused.Skip(1000 + total + shift + 5), 5u);
  EXPECT_EQ(paused.Skip(1000 + total + shift + 5), 0u);
}

}  // namespace
}  // namespace pyprof::test
