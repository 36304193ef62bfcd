#include "sampler/sampler.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "test/fake/elf_file.h"
#include "test/fake/process.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

/// What a sampler has said, all batches in one.
class Recording {
 public:
  explicit Recording(const SamplerOptions& options) : sampler_(options, &failure_) { Drain(); }

  AttachStatus failure() const { return failure_.status; }
  const SamplerStatus& status() const { return status_; }
  const std::map<int32_t, ProcessRow>& processes() const { return processes_; }
  /// The row of a process; its index is -1 when there is none.
  ProcessRow Process(pid_t pid) const {
    for (const auto& [index, process] : processes_) {
      if (process.pid == pid) return process;
    }
    ProcessRow none;
    none.index = -1;
    return none;
  }
  size_t Samples(pid_t pid) const {
    const auto found = samples_.find(pid);
    return found == samples_.end() ? 0 : found->second;
  }
  /// Samples that say how much CPU time their thread used: a look at its files told.
  size_t Measured(pid_t pid) const {
    const auto found = measured_.find(pid);
    return found == measured_.end() ? 0 : found->second;
  }
  size_t Measured() const {
    size_t sum = 0;
    for (const auto& [pid, count] : measured_) sum += count;
    return sum;
  }
  const std::set<int32_t>& stacks() const { return stacks_; }
  /// Reasons of samples, by the native id of their threads.
  const std::map<uint64_t, std::set<Reason>>& reasons() const { return reasons_; }
  const std::vector<ThreadRow>& threads() const { return threads_; }

  void Drain() {
    Batch batch;
    sampler_.Drain(&batch);
    for (const ProcessRow& row : batch.processes) processes_[row.index] = row;
    threads_.insert(threads_.end(), batch.threads.begin(), batch.threads.end());
    for (size_t row = 0; row < batch.samples.thread.size(); ++row) {
      const ThreadRow& thread = threads_[static_cast<size_t>(batch.samples.thread[row])];
      const pid_t pid = processes_.at(thread.process).pid;
      ++samples_[pid];
      if (batch.samples.cpu[row] != kNoCpu) ++measured_[pid];
      reasons_[thread.native_id].insert(static_cast<Reason>(batch.samples.reason[row]));
    }
    stacks_.insert(batch.samples.stack.begin(), batch.samples.stack.end());
    status_ = batch.status;
  }
  /// Drains until it holds; false when it never does.
  bool Until(const std::function<bool()>& holds) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      Drain();
    }
    return true;
  }
  bool UntilSampled(pid_t pid, size_t more = 5) {
    const size_t wanted = Samples(pid) + more;
    return Until([&] { return Samples(pid) >= wanted; });
  }
  bool UntilTicks(uint64_t more) {
    const uint64_t wanted = status_.ticks + more;
    return Until([&] { return status_.ticks >= wanted; });
  }
  bool UntilEnded() {
    return Until([&] { return status_.state == SamplerState::kEnded; });
  }
  void Stop() {
    sampler_.Stop();
    Drain();
  }

 private:
  AttachResult failure_;
  Sampler sampler_;
  SamplerStatus status_;
  std::map<int32_t, ProcessRow> processes_;
  std::vector<ThreadRow> threads_;
  std::map<pid_t, size_t> samples_;
  std::map<pid_t, size_t> measured_;
  std::set<int32_t> stacks_;
  std::map<uint64_t, std::set<Reason>> reasons_;
};

/// A process that holds a fake Python, and copies of it that it forks.
class PythonFamily {
 public:
  enum Fork : char {
    /// As os.fork: Python gives the thread its new id, and forgets the others.
    kTold = 't',
    /// As C code does that knows nothing of Python.
    kUntold = 'u',
    /// The same, but the second thread state is that of a thread that the child has started.
    kUntoldWithThread = 'w',
    /// The child runs in the memory of its parent, which waits until it ends.
    kShared = 's',
  };

  explicit PythonFamily(int minor, int threads = 1) : python_(minor) {
    for (int i = 0; i < threads; ++i) {
      python_.AddThread("thread").Enter().Call("<module>").Call("serve");
    }
    EXPECT_EQ(pipe2(orders_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(answers_, O_CLOEXEC), 0);
    const uint64_t page = FakePython::kRuntime / 4096 * 4096;
    const uint64_t within = FakePython::kRuntime - page;
    const uint64_t size = (within + python_.layout().runtime.size + 4095) / 4096 * 4096;
    FakeElf elf;
    elf.size = 0x3000 + size;
    elf.segments = {{0, 0x100000, 0x1000}, {0x3100, 0x104100, size}};
    elf.sections = {
        {".PyRuntime", 0x104000 + within, 0x3000 + within, python_.layout().runtime.size}};
    const std::string path = folder_.Write("python", elf.Bytes());
    process_ = std::make_unique<FakeProcess>(
        python_.memory(),
        std::vector<FakeProcess::MappedFile>{{path, 0, page - 0x4000, 4096},
                                             {path, 0x3000, page, size}},
        [this] { Obey(); });
    EXPECT_TRUE(process_->ready());
  }
  ~PythonFamily() {
    for (const pid_t pid : children_) kill(pid, SIGKILL);
    process_ = nullptr;
    for (const int fd : {orders_[0], orders_[1], answers_[0], answers_[1]}) close(fd);
  }

  pid_t pid() const { return process_->pid(); }
  pid_t Child(Fork how) {
    const char order = how;
    EXPECT_EQ(write(orders_[1], &order, 1), 1);
    pollfd wait{answers_[0], POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 20'000), 1);
    pid_t pid = 0;
    EXPECT_EQ(read(answers_[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    children_.push_back(pid);
    return pid;
  }
  void Kill() {
    process_->Kill();
    process_->Reap();
  }

 private:
  void Obey() {
    char order = 0;
    while (read(orders_[0], &order, 1) == 1) {
      const pid_t child = order == kShared ? vfork() : fork();
      if (child != 0) continue;  // the child answers
      const pid_t self = getpid();
      if (order == kTold) Tell();
      if (order == kUntoldWithThread) StartThread();
      if (write(answers_[1], &self, sizeof(self)) != sizeof(self)) _exit(1);
      while (true) pause();
    }
  }
  /// What PyOS_AfterFork_Child does to a Python with one thread.
  void Tell() {
    const auto id = static_cast<uint64_t>(getpid());
    const uint64_t state = FirstThread();
    memcpy(reinterpret_cast<void*>(state + python_.layout().thread.native_thread_id), &id, 8);
  }
  /// What a program does that forks from C and then runs Python in a new thread.
  void StartThread() {
    std::atomic<uint64_t> id = 0;
    std::thread([&id] {
      id = static_cast<uint64_t>(gettid());
      while (true) pause();
    }).detach();
    while (id == 0) usleep(100);
    uint64_t second = 0;
    memcpy(&second, reinterpret_cast<void*>(FirstThread() + python_.layout().thread.next), 8);
    const uint64_t started = id;
    memcpy(reinterpret_cast<void*>(second + python_.layout().thread.native_thread_id), &started, 8);
  }
  uint64_t FirstThread() const {
    uint64_t state = 0;
    const uint64_t head = python_.main_interpreter() + python_.layout().interpreter.threads_head;
    memcpy(&state, reinterpret_cast<void*>(head), 8);
    return state;
  }

  FakePython python_;
  TemporaryFolder folder_;
  int orders_[2];
  int answers_[2];
  std::vector<pid_t> children_;
  std::unique_ptr<FakeProcess> process_;
};

SamplerOptions Options(pid_t pid, bool follow = true) {
  SamplerOptions options;
  options.pid = pid;
  options.interval = 1'000'000;
  options.capacity = 1 << 20;
  options.seed = 1;
  options.reading = Reading::kLive;
  options.follow = follow;
  return options;
}

class SamplerTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Python, SamplerTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(SamplerTest, SamplesOneProcess) {
  PythonFamily family(GetParam());
  Recording recording(Options(family.pid(), false));
  ASSERT_EQ(recording.failure(), AttachStatus::kOk);
  ASSERT_TRUE(recording.UntilSampled(family.pid(), 10));
  recording.Stop();
  EXPECT_EQ(recording.processes().size(), 1u);
  EXPECT_EQ(recording.Process(family.pid()).index, 0);
  EXPECT_EQ(recording.Process(family.pid()).parent, -1);
  EXPECT_FALSE(recording.status().descendants);
  EXPECT_GT(recording.status().tick_time, 0u);
}

TEST_P(SamplerTest, LeavesChildrenAloneUnlessTheyAreWanted) {
  PythonFamily family(GetParam());
  family.Child(PythonFamily::kTold);
  Recording recording(Options(family.pid(), false));
  ASSERT_TRUE(recording.UntilTicks(20));
  family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilTicks(50));
  EXPECT_EQ(recording.processes().size(), 1u);
}

TEST_P(SamplerTest, FollowsForksBeforeAndAfterItsBeginning) {
  PythonFamily family(GetParam());
  const pid_t before = family.Child(PythonFamily::kTold);
  Recording recording(Options(family.pid()));
  ASSERT_EQ(recording.failure(), AttachStatus::kOk);
  EXPECT_TRUE(recording.status().descendants);
  ASSERT_TRUE(recording.UntilSampled(before));
  const pid_t after = family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilSampled(after));
  ASSERT_TRUE(recording.UntilSampled(family.pid()));
  recording.Stop();
  ASSERT_EQ(recording.processes().size(), 3u);
  for (const pid_t child : {before, after}) {
    const ProcessRow row = recording.Process(child);
    EXPECT_EQ(row.parent, 0);
    EXPECT_EQ(row.end, -1);
    EXPECT_EQ(row.python_version, recording.status().python_version);
    EXPECT_NE(row.command.find("pyprof_tests"), std::string::npos);
  }
  EXPECT_GT(recording.Process(after).start, 0);
  EXPECT_EQ(recording.threads().size(), 3u);
  EXPECT_EQ(recording.stacks().size(), 1u) << "the same stack in all of them is the same row";
}

TEST_P(SamplerTest, FollowsAForkThatPythonWasNotToldOf) {
  PythonFamily family(GetParam());
  Recording recording(Options(family.pid()));
  const pid_t child = family.Child(PythonFamily::kUntold);
  ASSERT_TRUE(recording.UntilSampled(child));
  EXPECT_EQ(recording.Process(child).unreadable, AttachStatus::kOk);
}

TEST_P(SamplerTest, FollowsAForkThatPythonWasNotToldOfAndThatHasStartedThreads) {
  PythonFamily family(GetParam(), 2);
  Recording recording(Options(family.pid()));
  const pid_t child = family.Child(PythonFamily::kUntoldWithThread);
  ASSERT_TRUE(recording.UntilSampled(child));
  EXPECT_EQ(recording.Process(child).unreadable, AttachStatus::kOk);
}

TEST_P(SamplerTest, NamesAForkWhoseThreadsCannotBeTold) {
  PythonFamily family(GetParam(), 3);
  Recording recording(Options(family.pid()));
  const pid_t child = family.Child(PythonFamily::kUntold);
  ASSERT_TRUE(recording.Until([&] { return recording.Process(child).index > 0; }));
  EXPECT_EQ(recording.Process(child).unreadable, AttachStatus::kNotStarted);
  EXPECT_EQ(recording.Process(child).detail, Target::kUntoldFork);
  ASSERT_TRUE(recording.UntilTicks(100));
  EXPECT_EQ(recording.Samples(child), 0u) << "they would be its parent's threads";
}

TEST_P(SamplerTest, AChildInItsParentsMemoryIsNoPython) {
  PythonFamily family(GetParam());
  Recording recording(Options(family.pid()));
  family.Child(PythonFamily::kShared);
  ASSERT_TRUE(recording.UntilTicks(200));
  EXPECT_EQ(recording.processes().size(), 1u);
}

TEST_P(SamplerTest, EndsWhenTheLastOneHasEnded) {
  PythonFamily family(GetParam());
  Recording recording(Options(family.pid()));
  const pid_t child = family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilSampled(child));
  const pid_t parent = family.pid();
  family.Kill();
  ASSERT_TRUE(recording.Until([&] { return recording.Process(parent).end >= 0; }));
  ASSERT_TRUE(recording.UntilSampled(child)) << "goes on without its parent";
  EXPECT_EQ(recording.status().state, SamplerState::kSampling);
  kill(child, SIGKILL);
  ASSERT_TRUE(recording.UntilEnded());
  EXPECT_EQ(recording.status().end_reason, EndReason::kExited);
  EXPECT_GE(recording.Process(child).end, recording.Process(parent).end);
  EXPECT_GE(recording.Samples(child), 10u) << "what was sampled stays";
}

TEST_P(SamplerTest, OneThatEndsIsClosed) {
  PythonFamily family(GetParam());
  Recording recording(Options(family.pid()));
  const pid_t child = family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilSampled(child));
  kill(child, SIGKILL);
  ASSERT_TRUE(recording.Until([&] { return recording.Process(child).end >= 0; }));
  ASSERT_TRUE(recording.UntilSampled(family.pid()));
  EXPECT_EQ(recording.status().state, SamplerState::kSampling);
}

TEST_P(SamplerTest, GoesOverToLiveWhenThereAreSeveral) {
  PythonFamily family(GetParam());
  SamplerOptions options = Options(family.pid());
  options.reading = Reading::kExact;
  Recording recording(options);
  ASSERT_TRUE(recording.UntilSampled(family.pid()));
  EXPECT_EQ(recording.status().reading, Reading::kExact);
  const pid_t child = family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilSampled(child));
  EXPECT_EQ(recording.status().reading, Reading::kLive);
  EXPECT_EQ(recording.status().reading_change, ReadingChange::kSeveralProcesses);
}

TEST_P(SamplerTest, WhileTheGilStaysItsHolderAloneIsUnproved) {
  // The kernel knows nothing of the fake threads, so that nothing tells whether the holder ran.
  PythonFamily family(GetParam(), 3);
  SamplerOptions options = Options(family.pid(), false);
  options.reading = Reading::kExact;
  Recording recording(options);
  ASSERT_TRUE(recording.UntilSampled(family.pid(), 30));
  recording.Stop();
  ASSERT_EQ(recording.reasons().size(), 3u);
  size_t unproved = 0;
  for (const auto& [native_id, reasons] : recording.reasons()) {
    unproved += reasons.contains(Reason::kUnproved);
    EXPECT_TRUE(reasons.contains(Reason::kUnproved) || reasons.contains(Reason::kNone));
  }
  EXPECT_EQ(unproved, 1u);
}

TEST_P(SamplerTest, FollowsAHundred) {
  PythonFamily family(GetParam());
  std::vector<pid_t> children;
  for (int i = 0; i < 100; ++i) children.push_back(family.Child(PythonFamily::kTold));
  Recording recording(Options(family.pid()));
  for (const pid_t child : children) ASSERT_TRUE(recording.UntilSampled(child, 3)) << child;
  recording.Stop();
  EXPECT_EQ(recording.processes().size(), 101u);
  EXPECT_EQ(recording.threads().size(), 101u);
  // Each tick reads each that is there: those that were there from early on have as many.
  const auto ticks = recording.status().ticks + recording.status().missed_ticks;
  for (const pid_t child : children) EXPECT_LE(recording.Samples(child), ticks);
}

TEST_P(SamplerTest, ProcessesShareTheLooksAtThreads) {
  PythonFamily family(GetParam());
  std::vector<pid_t> children;
  for (int i = 0; i < 100; ++i) children.push_back(family.Child(PythonFamily::kTold));
  SamplerOptions options = Options(family.pid());
  options.states = true;
  Recording recording(options);
  ASSERT_TRUE(recording.UntilTicks(1000));
  recording.Stop();
  ASSERT_EQ(recording.processes().size(), 101u);
  // 10,000 lively and 2,000 quiet looks a second (docs/accuracy.md), and a second's in advance; a
  // hundred processes with as many each would have one at every sample.
  const double seconds = static_cast<double>(recording.status().elapsed) * 1e-9;
  EXPECT_LE(static_cast<double>(recording.Measured()), 12'000 * (seconds + 1));
  for (const pid_t child : children) EXPECT_GT(recording.Measured(child), 0u) << child;
}

/// The soft limit of open files, for as long as this lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lower{limit, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~FileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_P(SamplerTest, FollowsMoreProcessesThanItMayKeepFilesOf) {
  PythonFamily family(GetParam());
  std::vector<pid_t> children;
  for (int i = 0; i < 100; ++i) children.push_back(family.Child(PythonFamily::kTold));
  const FileLimit limit(128);
  SamplerOptions options = Options(family.pid());
  options.states = true;
  Recording recording(options);
  for (const pid_t child : children) ASSERT_TRUE(recording.UntilSampled(child, 3)) << child;
  const auto all_measured = [&] {
    return std::all_of(children.begin(), children.end(),
                       [&](pid_t child) { return recording.Measured(child) > 0; });
  };
  EXPECT_TRUE(recording.Until(all_measured)) << "their files are opened for a moment";
  const pid_t late = family.Child(PythonFamily::kTold);
  ASSERT_TRUE(recording.UntilSampled(late)) << "there is room to look at another one";
  kill(late, SIGKILL);
  EXPECT_TRUE(recording.Until([&] { return recording.Process(late).end >= 0; }))
      << "its end is noticed though it is a zombie";
}

/// Two Pythons of different versions below a process that is none.
TEST(Sampler, EveryThreadSaysWhatItsSamplesTell) {
  PythonFamily new_family(15);
  PythonFamily old_family(13);
  SamplerOptions options = Options(getpid());
  options.states = true;
  Recording recording(options);
  ASSERT_TRUE(recording.UntilSampled(new_family.pid()));
  ASSERT_TRUE(recording.UntilSampled(old_family.pid()));
  recording.Stop();
  uint8_t common = 0xff;
  for (const ThreadRow& thread : recording.threads()) {
    common &= thread.states;
    const bool is_new = recording.processes().at(thread.process).pid == new_family.pid();
    EXPECT_EQ((thread.states & kHandlesException) != 0, is_new);
    EXPECT_NE(thread.states & kOnCpu, 0);
  }
  EXPECT_EQ(recording.threads().size(), 2u);
  EXPECT_EQ(recording.status().states, common);
  EXPECT_EQ(common & kHandlesException, 0) << "not all samples tell it";
}

TEST(Sampler, ANonPythonWithoutFollowingIsRefused) {
  const FakeProcess process([] {
    while (true) pause();
    return 0;
  });
  Recording recording(Options(process.pid(), false));
  EXPECT_EQ(recording.failure(), AttachStatus::kNotPython);
  EXPECT_EQ(recording.status().state, SamplerState::kEnded);
}

TEST(Sampler, ANonPythonMayHaveAPythonBelow) {
  const FakeProcess process([] {
    while (true) pause();
    return 0;
  });
  Recording recording(Options(process.pid()));
  EXPECT_EQ(recording.failure(), AttachStatus::kOk);
  EXPECT_EQ(recording.status().state, SamplerState::kSearching);
  EXPECT_EQ(recording.processes().size(), 1u);
}

TEST(Sampler, AZombieIsRefused) {
  FakeProcess process([] { return 0; });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOWAIT), 0);
  Recording recording(Options(process.pid()));
  EXPECT_EQ(recording.failure(), AttachStatus::kNotPython);
}

}  // namespace
}  // namespace pyprof::test
