#include "sampler/core_hold.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "memory/clock.h"
#include "sampler/core_sharing.h"

namespace pyprof::test {
namespace {

void Spin(uint64_t time) {
  const uint64_t end = Now() + time;
  while (Now() < end) continue;
}

/// Counts without pause on one processor.
class Counter {
 public:
  explicit Counter(int processor) {
    thread_ = std::thread([this, processor] {
      ASSERT_TRUE(PinTo(0, processor));
      tid_ = static_cast<uint64_t>(syscall(SYS_gettid));
      while (!done_) count_ = count_ + 1;
    });
    while (tid_ == 0) sched_yield();
  }
  ~Counter() {
    done_ = true;
    thread_.join();
  }
  uint64_t tid() const { return tid_; }
  uint64_t count() const { return count_; }

 private:
  std::atomic<uint64_t> tid_ = 0;
  std::atomic<uint64_t> count_ = 0;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

/// On a thread of its own, which runs on the first of two processors and may move.
template <typename Test>
void OnTwoProcessors(const Test& test) {
  const std::vector<int> processors = ReachableProcessors();
  if (processors.size() < 2) GTEST_SKIP() << "there is one processor";
  std::thread([&] {
    ASSERT_TRUE(PinTo(0, processors[0]));
    test(processors[1]);
  }).join();
}

TEST(CoreHold, WhoIsHeldDoesNotRunUntilARunOfItIsCounted) {
  OnTwoProcessors([](int other) {
    const Counter counter(other);
    const ThreadFacts facts(getpid(), counter.tid());
    CoreHold hold;
    int proved = 0;
    for (int i = 0; i < 1000; ++i) {
      hold.Release();
      usleep(500);
      uint64_t before = 0;
      uint64_t after = 0;
      uint64_t time = 0;
      if (!hold.Take(other)) continue;
      if (!facts.RunCount(&before, &time)) return;  // a kernel that does not count
      const bool has = hold.Has(other);
      const uint64_t count = counter.count();
      Spin(20'000);
      const uint64_t later = counter.count();
      facts.RunCount(&after, &time);
      if (!has || before != after) continue;
      ++proved;
      EXPECT_EQ(later, count);
    }
    EXPECT_GT(proved, 100);
    EXPECT_GT(hold.takes(), 100);
    EXPECT_GT(hold.CpuTime(), 100 * 20'000);
  });
}

TEST(CoreHold, GivesTheProcessorBack) {
  OnTwoProcessors([](int other) {
    const Counter counter(other);
    CoreHold hold;
    for (int i = 0; i < 100 && !hold.Take(other); ++i) hold.Release();
    hold.Release();
    EXPECT_FALSE(hold.Has(other));
    const uint64_t count = counter.count();
    for (int i = 0; i < 20'000 && counter.count() == count; ++i) usleep(1000);
    EXPECT_GT(counter.count(), count);
  });
}

TEST(CoreHold, LetsGoOfWhatIsNeverReleased) {
  OnTwoProcessors([](int other) {
    CoreHold hold;
    for (int i = 0; i < 100 && !hold.Take(other); ++i) hold.Release();
    usleep(4 * CoreHold::kLongest / 1000);
    EXPECT_FALSE(hold.Has(other));
    const uint64_t cpu = hold.CpuTime();
    usleep(20'000);
    EXPECT_LT(hold.CpuTime() - cpu, 1'000'000U);
    hold.Release();
    bool again = false;
    for (int i = 0; i < 100 && !again; ++i) {
      again = hold.Take(other);
      hold.Release();
    }
    EXPECT_TRUE(again);
  });
}

TEST(CoreHold, IsThereByItselfWhenItIsToBe) {
  OnTwoProcessors([](int other) {
    CoreHold hold;
    int there = 0;
    for (int i = 0; i < 100; ++i) {
      if (!hold.Take(other)) hold.Release();
      const uint64_t cpu = hold.CpuTime();
      const uint64_t next = Now() + 2'000'000;
      hold.Release(next);
      usleep(2'000 + CoreHold::kLongest / 1000 / 2);
      there += hold.CpuTime() - cpu > CoreHold::kLongest / 4 ? 1 : 0;
      // Whether or not it was taken then, it can be.
      for (int more = 0; more < 100 && !hold.Take(other); ++more) hold.Release();
      EXPECT_TRUE(hold.Has(other));
    }
    EXPECT_GT(there, 50);
    hold.Release();
  });
}

TEST(CoreHold, HasOnlyWhatItWasToTake) {
  OnTwoProcessors([](int other) {
    CoreHold hold;
    EXPECT_FALSE(hold.Has(other));
    EXPECT_FALSE(hold.Take(CPU_SETSIZE - 1));
    EXPECT_FALSE(hold.Has(CPU_SETSIZE - 1));
    EXPECT_EQ(hold.takes(), 0U);
  });
}

TEST(CoreSharing, AThreadOfAnotherProcessorIsHeldThere) {
  OnTwoProcessors([](int other) {
    const Counter counter(other);
    CoreSharing sharing(getpid());
    if (!sharing.Available()) return;
    int proved = 0;
    for (int i = 0; i < 1000; ++i) {
      const bool began = sharing.Begin(counter.tid());
      const uint64_t count = counter.count();
      Spin(20'000);
      const uint64_t later = counter.count();
      if (began && sharing.StoodStill()) {
        ++proved;
        EXPECT_EQ(later, count);
      }
      sharing.End(0);
      usleep(500);
    }
    EXPECT_GT(proved, 100);
    EXPECT_GT(sharing.held().takes, 0U);
    sharing.Leave();
  });
}

}  // namespace
}  // namespace pyprof::test
