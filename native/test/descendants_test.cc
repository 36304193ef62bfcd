#include "sampler/descendants.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sampler/process_stat.h"
#include "test/fake/process.h"

namespace pyprof::test {
namespace {

/// A process that forks when told to, and so do its children, which it names by their ids.
class Family {
 public:
  Family() {
    EXPECT_EQ(pipe2(orders_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(answers_, O_CLOEXEC), 0);
    process_ = std::make_unique<FakeProcess>([this] {
      Obey();
      return 0;
    });
  }
  ~Family() {
    // In this order: they get SIGKILL when their parent dies, but an orphan does not.
    for (const pid_t pid : started_) kill(pid, SIGKILL);
    process_ = nullptr;
    for (const int fd : {orders_[0], orders_[1], answers_[0], answers_[1]}) close(fd);
  }
  pid_t pid() const { return process_->pid(); }

  /// The root forks a child that sleeps.
  pid_t Child() { return Ask('c'); }
  /// The same from another thread than the first one.
  pid_t ChildOfThread() { return Ask('t'); }
  /// The root forks a child that forks a child: that one's id. Both sleep.
  pid_t Grandchild() { return Ask('g'); }
  /// The same, but the child between them has ended and is waited for.
  pid_t Orphan() {
    const pid_t pid = Ask('o');
    Ask('p');  // answered when the child has been waited for
    return pid;
  }
  /// The root kills a child and waits for it.
  void End(pid_t pid) {
    kill(pid, SIGKILL);
    Ask('w');
  }
  /// Kills a child that nobody waits for.
  void Zombie(pid_t pid) {
    kill(pid, SIGKILL);
    while (!ReadProcessStat(pid)->Ended()) std::this_thread::yield();
  }
  /// A child with this very id, which nobody has.
  pid_t ChildWithId(pid_t pid) {
    EXPECT_EQ(write(orders_[1], "s", 1), 1);
    EXPECT_EQ(write(orders_[1], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    return Answer();
  }

 private:
  pid_t Ask(char order) {
    EXPECT_EQ(write(orders_[1], &order, 1), 1);
    return Answer();
  }
  pid_t Answer() {
    pid_t pid = -1;
    pollfd wait{answers_[0], POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 20'000), 1);
    EXPECT_EQ(read(answers_[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
    if (pid > 0) started_.push_back(pid);
    return pid;
  }

  // In the children.
  void Say(pid_t pid) const {
    if (write(answers_[1], &pid, sizeof(pid)) != sizeof(pid)) _exit(1);
  }
  [[noreturn]] static void Sleep() {
    while (true) pause();
  }
  pid_t Fork() const {
    const pid_t pid = fork();
    if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
  }
  void Obey() {
    char order = 0;
    while (read(orders_[0], &order, 1) == 1) {
      if (order == 'w') {
        wait(nullptr);
        Say(0);
      } else if (order == 'p') {
        Say(0);
      } else if (order == 's') {
        pid_t pid = 0;
        if (read(orders_[0], &pid, sizeof(pid)) != sizeof(pid)) return;
        clone_args args{};
        args.exit_signal = SIGCHLD;
        args.set_tid = reinterpret_cast<uint64_t>(&pid);
        args.set_tid_size = 1;
        const long got = syscall(SYS_clone3, &args, sizeof(args));
        if (got == 0) Sleep();
        Say(static_cast<pid_t>(got));
      } else if (order == 't') {
        // The thread stays: its children would move to another one.
        std::thread([this] {
          const pid_t pid = fork();
          if (pid == 0) Sleep();
          Say(pid);
          Sleep();
        }).detach();
      } else {
        const pid_t child = Fork();
        if (child > 0) {
          if (order == 'c') Say(child);
          if (order == 'o') waitpid(child, nullptr, 0);
          continue;
        }
        if (order == 'c') Sleep();
        const pid_t grandchild = fork();
        if (grandchild == 0) {
          if (order == 'g') prctl(PR_SET_PDEATHSIG, SIGKILL);
          Sleep();
        }
        Say(grandchild);
        if (order == 'o') _exit(0);
        Sleep();
      }
    }
  }

  int orders_[2];
  int answers_[2];
  std::vector<pid_t> started_;
  std::unique_ptr<FakeProcess> process_;
};

class DescendantsTest : public testing::TestWithParam<DescendantSource> {
 protected:
  DescendantsTest() : descendants(family.pid(), GetParam()) {}

  /// A look that is always due.
  std::vector<Descendants::Found> Look() { return descendants.Look(now += 1'000'000'000'000); }
  std::vector<pid_t> Pids() {
    std::vector<pid_t> pids;
    for (const auto& found : Look()) pids.push_back(found.pid);
    return pids;
  }

  Family family;
  Descendants descendants;
  uint64_t now = 1;
};

std::string NameOf(const testing::TestParamInfo<DescendantSource>& source) {
  constexpr const char* kNames[] = {"Events", "Children", "Parents"};
  return kNames[static_cast<size_t>(source.param)];
}

INSTANTIATE_TEST_SUITE_P(By, DescendantsTest,
                         testing::Values(DescendantSource::kEvents, DescendantSource::kChildren,
                                         DescendantSource::kParents),
                         NameOf);

TEST_P(DescendantsTest, UsesTheSourceAskedFor) {
  // Where the kernel tells nothing, the lists of children are taken.
  const bool told = ProcessEvents().available();
  const auto expected =
      GetParam() == DescendantSource::kEvents && !told ? DescendantSource::kChildren : GetParam();
  EXPECT_EQ(descendants.source(), expected);
}

TEST_P(DescendantsTest, FindsNothingInAProcessWithoutChildren) {
  EXPECT_TRUE(Look().empty());
  EXPECT_TRUE(Look().empty());
  EXPECT_EQ(descendants.size(), 1u);
}

TEST_P(DescendantsTest, FindsThoseThatWereThereBefore) {
  Family other;
  const pid_t child = other.Child();
  const pid_t grandchild = other.Grandchild();
  Descendants late(other.pid(), GetParam());
  const auto found = late.Look(1);
  ASSERT_EQ(found.size(), 3u);
  const auto at = [&found](pid_t pid) {
    return std::find_if(found.begin(), found.end(), [pid](const auto& f) { return f.pid == pid; });
  };
  ASSERT_NE(at(child), found.end());
  ASSERT_NE(at(grandchild), found.end());
  EXPECT_EQ(at(child)->parent, other.pid());
  const auto parent = at(at(grandchild)->parent);
  ASSERT_NE(parent, found.end());
  EXPECT_LT(parent, at(grandchild)) << "a parent comes before its children";
  EXPECT_EQ(parent->parent, other.pid());
  EXPECT_EQ(late.size(), 4u);
}

TEST_P(DescendantsTest, FindsEachChildOnce) {
  Look();
  const pid_t first = family.Child();
  EXPECT_EQ(Pids(), std::vector<pid_t>{first});
  EXPECT_TRUE(Look().empty());
  const pid_t second = family.Child();
  EXPECT_EQ(Pids(), std::vector<pid_t>{second});
}

TEST_P(DescendantsTest, FindsAChildOfAnyThread) {
  Look();
  const pid_t child = family.ChildOfThread();
  const auto found = Look();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pid, child);
  EXPECT_EQ(found[0].parent, family.pid());
}

TEST_P(DescendantsTest, FindsGrandchildrenBelowTheirParent) {
  Look();
  const pid_t grandchild = family.Grandchild();
  const auto found = Look();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].parent, family.pid());
  EXPECT_EQ(found[1].pid, grandchild);
  EXPECT_EQ(found[1].parent, found[0].pid);
}

TEST_P(DescendantsTest, LeavesOutOthers) {
  Family stranger;
  stranger.Child();
  Look();
  stranger.Child();
  EXPECT_TRUE(Look().empty());
}

TEST_P(DescendantsTest, LeavesOutWhatHasEnded) {
  Look();
  family.End(family.Child());
  family.Zombie(family.Child());
  EXPECT_TRUE(Look().empty());
}

TEST_P(DescendantsTest, ForgetsWhatHasEnded) {
  const pid_t child = family.Child();
  Look();
  EXPECT_EQ(descendants.size(), 2u);
  family.End(child);
  descendants.Ended(child);
  Look();
  EXPECT_EQ(descendants.size(), 1u);
}

TEST_P(DescendantsTest, KeepsWhatIsSaidToHaveEndedButLives) {
  const pid_t child = family.Child();
  Look();
  descendants.Ended(child);
  EXPECT_EQ(descendants.size(), 2u);
  EXPECT_TRUE(Look().empty());
}

TEST_P(DescendantsTest, TellsProcessesWithTheSameIdApart) {
  const pid_t first = family.Child();
  Look();
  const uint64_t started = ReadProcessStat(first)->start;
  family.End(first);
  // The clock that tells them apart goes in hundredths of a second.
  while (true) {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    const auto ticks =
        static_cast<uint64_t>(time.tv_sec) * 100 + static_cast<uint64_t>(time.tv_nsec) / 10'000'000;
    if (ticks > started) break;
  }
  descendants.Ended(first);
  ASSERT_EQ(family.ChildWithId(first), first) << "needs CAP_CHECKPOINT_RESTORE or root";
  EXPECT_EQ(Pids(), std::vector<pid_t>{first});
}

TEST_P(DescendantsTest, SaysWhenToLookAgain) {
  Look();
  EXPECT_GT(descendants.due(), now);
}

TEST(Descendants, LooksNoMoreOftenThanItsShareAllows) {
  Family family;
  Descendants descendants(family.pid(), DescendantSource::kChildren);
  constexpr uint64_t kStart = 1'000'000'000'000;
  descendants.Look(kStart);
  const pid_t child = family.Child();
  EXPECT_TRUE(descendants.Look(kStart + Descendants::kLookGap / 8).empty()) << "too early";
  const auto found = descendants.Look(descendants.due());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pid, child);
}

// What only the kernel's events can do. Where it sends none this is about nothing, and
// UsesTheSourceAskedFor has said so; the lists of children know an orphan no more.
TEST(Descendants, ByEventsFindsAnOrphanAtItsGrandparent) {
  Family family;
  Descendants descendants(family.pid(), DescendantSource::kEvents);
  descendants.Look(1);
  const pid_t orphan = family.Orphan();
  const auto found = descendants.Look(2);
  if (descendants.source() == DescendantSource::kEvents) {
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].pid, orphan);
    EXPECT_EQ(found[0].parent, family.pid());
  } else {
    EXPECT_TRUE(found.empty());
  }
}

TEST(ProcessStat, ReadsAProcessWhateverItsName) {
  FakeProcess process([] {
    prctl(PR_SET_NAME, ") Z 1 (");
    while (true) pause();
    return 0;
  });
  while (true) {
    char name[16] = {};
    const std::string path = "/proc/" + std::to_string(process.pid()) + "/comm";
    FILE* file = fopen(path.c_str(), "r");
    const size_t got = fread(name, 1, sizeof(name) - 1, file);
    fclose(file);
    if (std::string(name, got) == ") Z 1 (\n") break;
  }
  const auto stat = ReadProcessStat(process.pid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->parent, getpid());
  EXPECT_EQ(stat->threads, 1u);
  EXPECT_FALSE(stat->Ended());
  EXPECT_GE(stat->start, ReadProcessStat(getpid())->start);
  process.Kill();
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(ReadProcessStat(process.pid())->Ended());
  const pid_t pid = process.pid();
  process.Reap();
  EXPECT_FALSE(ReadProcessStat(pid));
}

}  // namespace
}  // namespace pyprof::test
