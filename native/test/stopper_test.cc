#include "sampler/stopper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "runtime/maps.h"
#include "test/fake/process.h"

namespace pyprof::test {
namespace {

/// Memory that a child shares with the test.
struct Shared {
  std::atomic<uint64_t> main_steps;
  std::atomic<uint64_t> thread_steps;
  std::atomic<uint64_t> signals;
};

Shared* shared = nullptr;

/// A child with two threads that count as long as they run, and with a handler that counts signals.
class StopperTest : public testing::Test {
 protected:
  void SetUp() override {
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared = new (memory) Shared{};
    process_ = std::make_unique<FakeProcess>([] {
      signal(SIGUSR1, [](int) { ++shared->signals; });
      std::thread([] {
        while (true) {
          ++shared->thread_steps;
          usleep(100);
        }
      }).detach();
      while (true) {
        ++shared->main_steps;
        usleep(100);
      }
      return 0;
    });
    WaitFor([] { return shared->main_steps > 2 && shared->thread_steps > 2; });
  }
  void TearDown() override {
    process_.reset();
    munmap(shared, sizeof(Shared));
  }
  pid_t pid() const { return process_->pid(); }

  template <typename Condition>
  static void WaitFor(const Condition& condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) usleep(1000);
    EXPECT_TRUE(condition());
  }
  /// The threads' states as the kernel names them (t: stopped by its tracer).
  std::string States() const {
    std::string states;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid()) + "/task")) {
      std::string stat;
      ReadSmallFile(entry.path() / "stat", &stat);
      states += stat.at(stat.rfind(')') + 2);
    }
    return states;
  }
  void ExpectRunning() {
    const uint64_t main = shared->main_steps;
    const uint64_t thread = shared->thread_steps;
    WaitFor([=] { return shared->main_steps > main + 2 && shared->thread_steps > thread + 2; });
  }

 private:
  std::unique_ptr<FakeProcess> process_;
};

TEST_F(StopperTest, AllThreadsStandStillUntilTheyAreLetGo) {
  Stopper stopper(pid());
  ASSERT_EQ(stopper.Stop(), 0);
  EXPECT_EQ(States(), "tt");
  stopper.LetGo();
  ExpectRunning();
}

TEST_F(StopperTest, TheProcessRunsOnAfterManyStops) {
  Stopper stopper(pid());
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(stopper.Stop(), 0);
    stopper.LetGo();
  }
  ExpectRunning();
}

TEST_F(StopperTest, TheProcessRunsOnWhenTheStopperIsDestroyed) {
  {
    Stopper stopper(pid());
    ASSERT_EQ(stopper.Stop(), 0);
  }
  ExpectRunning();
}

TEST_F(StopperTest, TheProcessRunsOnWhenTheOneWhoStoppedItIsKilled) {
  FakeProcess profiler([this] {
    Stopper stopper(pid());
    if (stopper.Stop() != 0) return 1;
    ++shared->signals;
    while (true) pause();
    return 0;
  });
  WaitFor([] { return shared->signals == 1; });
  EXPECT_EQ(States(), "tt");
  profiler.Kill();
  profiler.Reap();
  ExpectRunning();
}

TEST_F(StopperTest, SignalsThatComeMeanwhileAreDelivered) {
  Stopper stopper(pid());
  for (uint64_t i = 1; i <= 20; ++i) {
    ASSERT_EQ(stopper.Stop(), 0);
    kill(pid(), SIGUSR1);
    stopper.LetGo();
    WaitFor([i] { return shared->signals >= i; });
  }
  EXPECT_EQ(shared->signals, 20u);
  ExpectRunning();
}

TEST_F(StopperTest, SignalsThatComeWhileItStopsAreDelivered) {
  Stopper stopper(pid());
  std::atomic<bool> done = false;
  uint64_t sent = 0;
  std::thread sender([&] {
    while (!done) {
      const uint64_t before = shared->signals;
      kill(pid(), SIGUSR1);
      ++sent;
      // One after the other: two of a kind that wait become one.
      for (int i = 0; i < 20'000 && shared->signals == before; ++i) usleep(1000);
    }
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(stopper.Stop(), 0);
    stopper.LetGo();
  }
  done = true;
  sender.join();
  EXPECT_EQ(shared->signals, sent);
  ExpectRunning();
}

TEST_F(StopperTest, AProcessThatIsTracedByAnotherIsLeftAlone) {
  FakeProcess tracer([this] {
    if (ptrace(PTRACE_SEIZE, pid(), nullptr, nullptr) != 0) return 1;
    ++shared->signals;
    while (true) pause();
    return 0;
  });
  WaitFor([] { return shared->signals == 1; });
  Stopper stopper(pid());
  EXPECT_EQ(stopper.Stop(), EPERM);
  ExpectRunning();
}

TEST_F(StopperTest, AProcessThatEndsWhileItIsStoppedHarmsNobody) {
  Stopper stopper(pid());
  ASSERT_EQ(stopper.Stop(), 0);
  kill(pid(), SIGKILL);
  stopper.LetGo();
  WaitFor([&stopper] { return stopper.Stop() == ESRCH; });
}

TEST(Stopper, NoProcessIsSaidSo) {
  FakeProcess process([] { return 0; });
  const pid_t pid = process.pid();
  process.Reap();
  Stopper stopper(pid);
  EXPECT_EQ(stopper.Stop(), ESRCH);
}

}  // namespace
}  // namespace pyprof::test
