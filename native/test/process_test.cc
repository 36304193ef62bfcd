#include "test/fake/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <string>
#include <vector>

#include "memory/process_memory.h"
#include "sampler/process_watch.h"

namespace pyprof::test {
namespace {

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

/// Two pages, the second one unmapped.
class PageBeforeNothing {
 public:
  PageBeforeNothing()
      : begin_(static_cast<char*>(
            mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    munmap(begin_ + 4096, 4096);
  }
  ~PageBeforeNothing() { munmap(begin_, 4096); }
  char* end() const { return begin_ + 4096; }

 private:
  char* begin_;
};

TEST(ProcessMemory, CopiesRangesOneBehindTheOther) {
  const std::string text = "abcdefghij";
  ProcessMemory memory(getpid());
  const Range ranges[] = {{AddressOf(text.data() + 7), 3},
                          {AddressOf(text.data()), 2},
                          {AddressOf(text.data() + 4), 1}};
  std::string out(6, '?');
  EXPECT_EQ(memory.ReadRanges(ranges, reinterpret_cast<std::byte*>(out.data())), 6);
  EXPECT_EQ(out, "hijabe");
}

TEST(ProcessMemory, ReadsMoreRangesThanOneSystemCallTakes) {
  std::vector<uint32_t> words(3 * IOV_MAX + 7);
  for (size_t i = 0; i < words.size(); ++i) words[i] = static_cast<uint32_t>(i);
  std::vector<Range> ranges;
  for (const uint32_t& word : words) ranges.push_back({AddressOf(&word), sizeof(word)});
  std::vector<uint32_t> out(words.size());
  ProcessMemory memory(getpid());
  EXPECT_EQ(memory.ReadRanges(ranges, reinterpret_cast<std::byte*>(out.data())),
            static_cast<int64_t>(words.size() * 4));
  EXPECT_EQ(out, words);
}

TEST(ProcessMemory, StopsAtTheFirstUnreadablePage) {
  const PageBeforeNothing page;
  std::fill(page.end() - 8, page.end(), 'x');
  const std::string text = "behind";
  const Range ranges[] = {{AddressOf(page.end() - 8), 16}, {AddressOf(text.data()), 6}};
  std::string out(22, '?');
  ProcessMemory memory(getpid());
  EXPECT_EQ(memory.ReadRanges(ranges, reinterpret_cast<std::byte*>(out.data())), 8);
  EXPECT_EQ(out.substr(0, 8), "xxxxxxxx");
}

TEST(ProcessMemory, WhatIsNotMappedIsAnError) {
  const PageBeforeNothing page;
  ProcessMemory memory(getpid());
  const Range range{AddressOf(page.end()), 8};
  std::byte out[8];
  EXPECT_EQ(memory.ReadRanges({&range, 1}, out), -EFAULT);
  uint64_t value = 0;
  EXPECT_FALSE(memory.ReadValue(AddressOf(page.end()), &value));
  EXPECT_FALSE(memory.ReadValue(AddressOf(page.end() - 4), &value)) << "half of it";
}

TEST(ProcessMemory, AProcessThatIsGoneIsAnError) {
  FakeProcess process([] { return 0; });
  const pid_t pid = process.pid();
  process.Reap();
  ProcessMemory memory(pid);
  const Range range{0x400000, 8};
  std::byte out[8];
  EXPECT_EQ(memory.ReadRanges({&range, 1}, out), -ESRCH);
}

TEST(ProcessMemory, ReadsAnotherProcess) {
  FakeMemory content;
  content.Map(0x270000000000, 8192);
  content.Put(0x270000000ffc, uint64_t{0x1122334455667788});
  const FakeProcess process(content);
  ASSERT_TRUE(process.ready());
  ProcessMemory memory(process.pid());
  uint64_t value = 0;
  EXPECT_TRUE(memory.ReadValue(0x270000000ffc, &value));
  EXPECT_EQ(value, 0x1122334455667788u);
}

// ProcessWatch.

/// A child that waits for a byte, then does `then`, and says a byte when that is done.
class Obedient {
 public:
  explicit Obedient(const std::function<int(int done)>& then) {
    EXPECT_EQ(pipe2(go_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(done_, 0), 0);
    process_ = std::make_unique<FakeProcess>([&, then] {
      char byte = 0;
      if (read(go_[0], &byte, 1) != 1) return 1;
      return then(done_[1]);
    });
    close(done_[1]);
  }
  ~Obedient() {
    close(go_[0]);
    close(go_[1]);
    close(done_[0]);
  }
  pid_t pid() const { return process_->pid(); }
  FakeProcess& process() { return *process_; }
  /// Lets it go on, and waits until it says that it has, or is gone.
  void Go() {
    EXPECT_EQ(write(go_[1], "", 1), 1);
    pollfd wait{done_[0], POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 20'000), 1);
  }

 private:
  int go_[2];
  int done_[2];
  std::unique_ptr<FakeProcess> process_;
};

TEST(ProcessWatch, AProcessThatRunsHasNotExited) {
  const ProcessWatch watch(getpid());
  EXPECT_FALSE(watch.Exited());
}

TEST(ProcessWatch, AProcessThatEndedHasExitedBeforeItIsReaped) {
  Obedient child([](int) { return 0; });
  const ProcessWatch watch(child.pid());
  EXPECT_FALSE(watch.Exited());
  child.Go();
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(watch.Exited());
  child.process().Reap();
  EXPECT_TRUE(watch.Exited());
}

TEST(ProcessWatch, AProcessThatWasKilledHasExited) {
  FakeProcess process([] {
    while (true) pause();
    return 0;
  });
  const ProcessWatch watch(process.pid());
  process.Kill();
  process.Reap();
  EXPECT_TRUE(watch.Exited());
}

TEST(ProcessWatch, AProcessThatNeverWasHasExited) {
  FakeProcess process([] { return 0; });
  const pid_t pid = process.pid();
  process.Reap();
  EXPECT_TRUE(ProcessWatch(pid).Exited());
}

TEST(ProcessWatch, TheMemoryIsTheSameWhileTheProcessRuns) {
  ProcessWatch watch(getpid());
  EXPECT_TRUE(watch.SameMemory()) << "nothing is bound yet";
  watch.BindMemory();
  EXPECT_TRUE(watch.SameMemory());
}

TEST(ProcessWatch, ExecIsAnotherMemoryButNoExit) {
  Obedient child([](int done) {
    // The shell says when it runs, and then waits.
    const std::string say = "printf x >&" + std::to_string(done) + "; kill -STOP $$";
    execl("/bin/sh", "sh", "-c", say.c_str(), nullptr);
    return 1;
  });
  ProcessWatch watch(child.pid());
  watch.BindMemory();
  EXPECT_TRUE(watch.SameMemory());
  child.Go();
  EXPECT_FALSE(watch.SameMemory());
  EXPECT_FALSE(watch.Exited());
  watch.BindMemory();
  EXPECT_TRUE(watch.SameMemory()) << "bound anew";
}

TEST(ProcessWatch, ForkLeavesTheMemoryTheSame) {
  Obedient child([](int done) {
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(0);
    waitpid(grandchild, nullptr, 0);
    if (write(done, "", 1) != 1) return 1;
    while (true) pause();
    return 0;
  });
  ProcessWatch watch(child.pid());
  watch.BindMemory();
  child.Go();
  EXPECT_TRUE(watch.SameMemory());
  EXPECT_FALSE(watch.Exited());
}

TEST(ProcessWatch, TheMemoryOfAProcessThatEndedIsGone) {
  Obedient child([](int) { return 0; });
  ProcessWatch watch(child.pid());
  watch.BindMemory();
  child.Go();
  child.process().Reap();
  EXPECT_FALSE(watch.SameMemory());
}

}  // namespace
}  // namespace pyprof::test
