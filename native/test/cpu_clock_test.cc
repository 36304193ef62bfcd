#include "sampler/cpu_clock.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "test/fake/process.h"

namespace pyprof::test {
namespace {

TEST(ParseSyscallTest, TellsARunningThread) { EXPECT_TRUE(ParseSyscall("running\n").runs); }

TEST(ParseSyscallTest, TellsAFutex) {
  const std::string futex = std::to_string(SYS_futex);
  const TaskPlace place =
      ParseSyscall(futex + " 0x7f0012345678 0x189 0x0 0x0 0x0 0x0 0x7ff 0x7f\n");
  EXPECT_FALSE(place.runs);
  EXPECT_EQ(place.futex, 0x7f0012345678u);
}

TEST(ParseSyscallTest, OtherSleepersWaitOnNoFutex) {
  for (const char* text : {"230 0x1 0x7f0012345678 0x0 0x0 0x0 0x0 0x7ff 0x7f\n", "-1 0x7ff 0x7f\n",
                           "202", "202 12", "", "nonsense"}) {
    EXPECT_FALSE(ParseSyscall(text).runs) << text;
    EXPECT_EQ(ParseSyscall(text).futex, 0u) << text;
  }
}

std::vector<ThreadSample> SamplesOf(const std::vector<pid_t>& threads) {
  std::vector<ThreadSample> samples;
  for (const pid_t tid : threads) {
    ThreadSample sample{};
    sample.serial = static_cast<uint32_t>(samples.size());
    sample.native_id = static_cast<uint64_t>(tid);
    samples.push_back(sample);
  }
  return samples;
}

int Sleep() {
  pause();
  return 0;
}

int Spin() {
  while (true) getppid();
}

/// Body of a child that does the same on so many threads.
template <int (*body)(), int threads>
int OnThreads() {
  for (int i = 1; i < threads; ++i) std::thread(body).detach();
  return body();
}

/// Samples of all threads of a process, once it has so many.
std::vector<ThreadSample> SamplesOfAll(pid_t pid, size_t count) {
  std::vector<pid_t> threads;
  for (int i = 0; i < 5000 && threads.size() < count; ++i) {
    usleep(1000);
    threads.clear();
    const std::string folder = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      threads.push_back(std::stoi(entry.path().filename().string()));
    }
  }
  EXPECT_EQ(threads.size(), count);
  return SamplesOf(threads);
}

int Wait(uint32_t* word) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  return 0;
}

/// Waits until the condition holds, for some seconds.
bool Becomes(const std::function<bool()>& holds) {
  for (int i = 0; i < 5000; ++i) {
    if (holds()) return true;
    usleep(1000);
  }
  return false;
}

TEST(CpuClockTest, TellsARunningProcessAndItsCpuTime) {
  const FakeProcess process(Spin);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  ASSERT_NE(clock.known() & kOnCpu, 0);
  const auto samples = SamplesOf({process.pid()});
  clock.Look(samples, {1, 1});
  EXPECT_EQ(clock.Take(samples[0]).cpu, kNoCpu) << "there is nothing to compare with";
  double cpu = 0;
  EXPECT_TRUE(Becomes([&] {
    clock.Look(samples, {1, 1});
    const CpuClock::Activity activity = clock.Take(samples[0]);
    EXPECT_EQ(activity.state, kOnCpu);
    cpu += activity.cpu;
    return cpu > 50e6;
  }));
}

TEST(CpuClockTest, TellsASleepingProcessAndReadsOneFileForIt) {
  const FakeProcess process(Sleep);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOf({process.pid()});
  ASSERT_TRUE(Becomes([&] {
    clock.Look(samples, {1, 1});
    return clock.Take(samples[0]).state == 0;
  }));
  const uint64_t reads = clock.reads();
  for (int i = 0; i < 10; ++i) {
    clock.Look(samples, {1, 1});
    const CpuClock::Activity activity = clock.Take(samples[0]);
    EXPECT_EQ(activity.state, 0);
    EXPECT_EQ(activity.cpu, 0);
  }
  EXPECT_EQ(clock.reads() - reads, 10u);
}

TEST(CpuClockTest, TellsWhoSleepsInTheQueueOfTheGil) {
  // What the child sleeps on has the address that it has here.
  alignas(8) static std::array<uint32_t, 64> words{};
  const FakeProcess process([] { return Wait(&words[10]); });
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  ASSERT_NE(clock.known() & kWaitsForGil, 0) << "the tests run with glibc";
  auto samples = SamplesOf({process.pid()});
  const auto with_queue_at = [&](size_t word) {
    samples[0].gil_queue = reinterpret_cast<uint64_t>(&words[word]);
    clock.Attach();
    return Becomes([&] {
      clock.Look(samples, {1, 1});
      return (clock.Take(samples[0]).state & kOnCpu) == 0;
    })
               ? clock.Take(samples[0]).state
               : kOnCpu;
  };
  EXPECT_EQ(with_queue_at(10), kWaitsForGil);
  EXPECT_EQ(with_queue_at(0), kWaitsForGil) << "40 bytes behind its beginning";
  EXPECT_EQ(with_queue_at(11), 0) << "before it";
  samples[0].gil_queue = 0;
  EXPECT_EQ(with_queue_at(40), 0);
}

TEST(CpuClockTest, LooksAtAllByTurnsWhenItMayNotLookAtAllAtOnce) {
  const FakeProcess process(OnThreads<Sleep, 3>);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOfAll(process.pid(), 3);
  ASSERT_TRUE(Becomes([&] {
    clock.Look(samples, {3, 3});
    bool all = true;
    for (const ThreadSample& sample : samples) all = all && clock.Take(sample).state == 0;
    return all;
  }));
  std::array<int, 3> measured{};
  for (int round = 0; round < 12; ++round) {
    const size_t looks = clock.looks().quiet;
    clock.Look(samples, {1, 1});
    EXPECT_EQ(clock.looks().quiet - looks, 1u);
    for (size_t i = 0; i < samples.size(); ++i) {
      if (clock.Take(samples[i]).cpu != kNoCpu) ++measured[i];
    }
  }
  EXPECT_EQ(measured, (std::array<int, 3>{4, 4, 4}));
}

TEST(CpuClockTest, AThreadWhoseStackChangedComesFirst) {
  const FakeProcess process(OnThreads<Sleep, 4>);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  auto samples = SamplesOfAll(process.pid(), 4);
  ASSERT_TRUE(Becomes([&] {
    clock.Look(samples, {4, 4});
    bool all = true;
    for (const ThreadSample& sample : samples) all = all && clock.Take(sample).state == 0;
    return all;
  }));
  for (int round = 1; round < 9; ++round) {
    samples[2].stack = round;
    clock.Look(samples, {1, 1});
    EXPECT_NE(clock.Take(samples[2]).cpu, kNoCpu) << round;
  }
}

TEST(CpuClockTest, TheLivelyAreLookedAtByTurnsToo) {
  const FakeProcess process(OnThreads<Spin, 3>);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOfAll(process.pid(), 3);
  // A thread that was never put on a processor cannot be measured.
  ASSERT_TRUE(Becomes([&] {
    clock.Look(samples, {3, 3});
    bool all = true;
    for (const ThreadSample& sample : samples) all = clock.Take(sample).cpu > 0 && all;
    return all;
  }));
  std::array<int, 3> measured{};
  for (int round = 0; round < 12; ++round) {
    clock.Look(samples, {1, 3});
    for (size_t i = 0; i < samples.size(); ++i) {
      if (clock.Take(samples[i]).cpu != kNoCpu) ++measured[i];
    }
  }
  EXPECT_EQ(measured, (std::array<int, 3>{4, 4, 4}));
}

TEST(CpuClockTest, AThreadThatRunsSeveralInterpretersUsesItsTimeOnce) {
  const FakeProcess process(Spin);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOf({process.pid(), process.pid()});
  for (int round = 0; round < 3; ++round) {
    clock.Look(samples, {2, 2});
    const CpuClock::Activity first = clock.Take(samples[0]);
    const CpuClock::Activity second = clock.Take(samples[1]);
    EXPECT_EQ(first.cpu != kNoCpu, round > 0);
    EXPECT_EQ(second.cpu, kNoCpu);
    EXPECT_EQ(second.state, first.state);
  }
}

TEST(CpuClockTest, WhatIsKnownIsNotAskedForAgain) {
  const FakeProcess process(Spin);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOf({process.pid()});
  clock.NoteRunning(samples[0], 7, 1000);
  clock.Look(samples, {1, 1});
  EXPECT_EQ(clock.reads(), 0u);
  clock.Take(samples[0]);
  clock.NoteRunning(samples[0], 7, 1500);
  const CpuClock::Activity activity = clock.Take(samples[0]);
  EXPECT_EQ(activity.state, kOnCpu);
  EXPECT_EQ(activity.cpu, 500);
}

TEST(CpuClockTest, AThreadThatIsGoneIsNotMeasured) {
  FakeProcess process(Spin);
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  const auto samples = SamplesOf({process.pid()});
  clock.Look(samples, {1, 1});
  clock.Take(samples[0]);
  process.Kill();
  process.Reap();
  clock.Look(samples, {1, 1});
  const CpuClock::Activity activity = clock.Take(samples[0]);
  EXPECT_EQ(activity.state, 0);
  EXPECT_EQ(activity.cpu, kNoCpu);
}

TEST(CpuClockTest, NothingIsKnownOfAProcessThatIsNotThere) {
  FakeProcess process(Sleep);
  process.Kill();
  process.Reap();
  TaskIds ids(process.pid());
  CpuClock clock(process.pid(), &ids);
  clock.Attach();
  EXPECT_EQ(clock.known(), 0);
  const auto samples = SamplesOf({process.pid()});
  clock.Look(samples, {1, 1});
  EXPECT_EQ(clock.Take(samples[0]).cpu, kNoCpu);
}

TEST(TaskIdsTest, IdsOfOurOwnNamespaceAreTheirOwn) {
  TaskIds ids(getpid());
  EXPECT_EQ(ids.main_native_id(), static_cast<uint64_t>(getpid()));
  EXPECT_EQ(ids.Outer(4711), 4711u);
}

}  // namespace
}  // namespace pyprof::test
