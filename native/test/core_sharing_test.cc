#include "sampler/core_sharing.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "test/fake/process.h"

namespace pyprof::test {
namespace {

uint64_t Self() { return static_cast<uint64_t>(syscall(SYS_gettid)); }

TEST(ThreadFacts, ARunningThreadHasAProcessorAndIsRunnable) {
  const ThreadFacts facts(getpid(), Self());
  int processor = -1;
  bool runnable = false;
  ASSERT_TRUE(facts.Place(&processor, &runnable));
  EXPECT_TRUE(runnable);
  EXPECT_GE(processor, 0);
  EXPECT_LT(processor, sysconf(_SC_NPROCESSORS_CONF));
}

TEST(ThreadFacts, EachSleepIsCountedAsARunMore) {
  const ThreadFacts facts(getpid(), Self());
  uint64_t before = 0;
  uint64_t run_time = 0;
  if (!facts.RunCount(&before, &run_time)) {
    // A kernel that does not count runs: then nobody may be told that it does.
    EXPECT_FALSE(CoreSharing(getpid()).Available());
    return;
  }
  usleep(1000);
  uint64_t after = 0;
  ASSERT_TRUE(facts.RunCount(&after, &run_time));
  EXPECT_GT(after, before);
}

TEST(ThreadFacts, OfAThreadThatIsGoneThereAreNone) {
  uint64_t tid = 0;
  std::thread([&tid] { tid = Self(); }).join();
  const ThreadFacts facts(getpid(), tid);
  int processor = 0;
  bool runnable = false;
  uint64_t count = 0;
  uint64_t run_time = 0;
  EXPECT_FALSE(facts.Place(&processor, &runnable));
  EXPECT_FALSE(facts.RunCount(&count, &run_time));
}

TEST(ThreadFacts, TellsAThreadThatHasLeftItsProcessorFromOneThatHasNot) {
  const FakeProcess sleeper([] {
    while (true) pause();
    return 0;
  });
  const ThreadFacts asleep(sleeper.pid(), static_cast<uint64_t>(sleeper.pid()));
  if (!asleep.Asleep()) GTEST_SKIP() << "the kernel does not tell";
  // It says that it is ready before it sleeps.
  for (int i = 0; i < 20'000 && !*asleep.Asleep(); ++i) usleep(1000);
  EXPECT_EQ(asleep.Asleep(), true);

  std::atomic<bool> done = false;
  std::atomic<uint64_t> tid = 0;
  std::thread spinner([&] {
    tid = Self();
    while (!done) continue;
  });
  while (tid == 0) continue;
  {
    const ThreadFacts awake(getpid(), tid);
    EXPECT_EQ(awake.Asleep(), false);
  }
  done = true;
  spinner.join();
  EXPECT_EQ(ThreadFacts(getpid(), tid).Asleep(), std::nullopt);
}

TEST(CoreSharing, AThreadThatSleepsStandsStill) {
  const FakeProcess process([] {
    while (true) pause();
    return 0;
  });
  bool proved = false;
  // On a thread of its own: it moves to the processor of the other.
  std::thread([&] {
    CoreSharing sharing(process.pid());
    if (!sharing.Available()) {
      proved = true;
      return;
    }
    // It says that it is ready before it sleeps.
    for (int i = 0; i < 20'000 && !proved; ++i) {
      proved = sharing.Begin(static_cast<uint64_t>(process.pid())) && sharing.StoodStill();
      if (!proved) usleep(1000);
    }
  }).join();
  EXPECT_TRUE(proved);
}

TEST(CoreSharing, AThreadThatHasRunMeanwhileDidNotStandStill) {
  const FakeProcess process([] {
    while (true) usleep(50);
    return 0;
  });
  bool moved = false;
  std::thread([&] {
    CoreSharing sharing(process.pid());
    if (!sharing.Available()) {
      moved = true;
      return;
    }
    for (int i = 0; i < 20'000 && !moved; ++i) {
      if (!sharing.Begin(static_cast<uint64_t>(process.pid()))) continue;
      usleep(20'000);
      moved = !sharing.StoodStill();
    }
  }).join();
  EXPECT_TRUE(moved);
}

TEST(CoreSharing, AThreadThatIsGoneProvesNothing) {
  FakeProcess process([] { return 0; });
  const pid_t pid = process.pid();
  process.Reap();
  CoreSharing sharing(pid);
  EXPECT_FALSE(sharing.Begin(static_cast<uint64_t>(pid)));
  EXPECT_FALSE(sharing.StoodStill());
}

}  // namespace
}  // namespace pyprof::test
