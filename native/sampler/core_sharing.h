#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sampler/core_hold.h"

namespace pyprof {

/// What the kernel says of one thread, by files kept open: /proc/PID/task/TID/{stat,schedstat}.
class ThreadFacts {
 public:
  ThreadFacts(pid_t pid, uint64_t tid);
  ~ThreadFacts();
  ThreadFacts(const ThreadFacts&) = delete;
  ThreadFacts& operator=(const ThreadFacts&) = delete;

  /// Number of times that the thread was put on a processor, and its time on one in ns; false when
  /// the kernel does not count them (CONFIG_SCHED_INFO) or the thread is gone.
  bool RunCount(uint64_t* count, uint64_t* run_time) const;
  /// The processor that the thread runs on, waits for or ran on last, and whether it is runnable.
  bool Place(int* processor, bool* runnable) const;
  /// Whether a thread that does not look runnable really sleeps. One that has said that it is about
  /// to may be on its processor still, or may have lost it before it could give it up; in both
  /// cases it may run on without a new run being counted (sched_info_depart, kernel/sched/stats.h).
  /// Asked for a thread's system call, the kernel first waits until it has left
  /// (task_current_syscall, lib/syscall.c). Nothing where it does not tell.
  std::optional<bool> Asleep() const;

 private:
  int stat_;
  int schedstat_;
  int syscall_;
};

/// Reading while sharing the core. A thread that belongs to the processor that the sampler runs on
/// cannot run itself; and in a build with a GIL only the thread that last took the GIL can change
/// any Python stack as long as the GIL goes to no other. So a read made on that thread's processor
/// sees a picture that stands still, with nobody stopped. Each read is proved afterwards by the
/// scheduler's own count of the thread's runs, which knows nothing of what Python did.
class CoreSharing {
 public:
  explicit CoreSharing(pid_t pid);

  /// Whether the kernel tells what is needed.
  bool Available() const { return available_; }

  /// Moves the calling thread to the processor of the thread, so that the next wake-up is there.
  /// False when this thread may not run there.
  bool Follow(uint64_t tid);
  /// Lets the calling thread run on all the processors again that it might run on at first.
  void Leave();

  /// Begins a read: true when the thread surely does not run now. One that belongs to another
  /// processor loses that one too until the end of the read: going after it would give it the time
  /// to pass the GIL on to this one.
  bool Begin(uint64_t tid);
  /// Takes the other processor, where a thread was seen last, before anything is read.
  void HoldBoth();
  /// True when the thread of Begin has not run since.
  bool StoodStill();
  /// Ends the read: gives back what is held. When the thread of Begin has been on another processor
  /// twice, the calling thread moves there, so that the next wake-up is there.
  /// @param next when HoldBoth will be called; 0: not known
  void End(uint64_t next);

  /// Times that another processor was held, and the CPU time that it has cost, ns.
  struct Held {
    uint64_t takes = 0;
    uint64_t cpu = 0;
  };
  Held held() const;

  /// What was learnt about the thread of Begin on the way.
  struct Watched {
    /// It waited for its processor when the read began.
    bool runnable;
    uint64_t run_count;
    uint64_t run_time;  // ns, at the end of the read
  };
  Watched watched() const { return {runnable_, count_, run_time_}; }

 private:
  ThreadFacts* Facts(uint64_t tid);
  bool RunOn(int processor);
  bool Hold(int processor);
  bool IsHeld(int processor);

  pid_t pid_;
  bool available_ = true;
  bool began_ = false;
  bool runnable_ = false;
  /// Of the thread of Begin: its runs, its time at the beginning, and its time at the end.
  uint64_t count_ = 0;
  uint64_t began_at_ = 0;
  uint64_t run_time_ = 0;
  ThreadFacts* watched_ = nullptr;
  /// Of the calling thread.
  int processor_ = -1;
  /// Where the thread of Begin was, in this read and in the one before.
  int place_ = -1;
  int last_place_ = -1;
  /// Another processor on which a thread was seen; -1: none so far.
  int elsewhere_ = -1;
  cpu_set_t allowed_;
  /// Made when first needed.
  std::unique_ptr<CoreHold> hold_;
  std::unordered_map<uint64_t, std::unique_ptr<ThreadFacts>> facts_;
};

/// Confines a thread of this process, 0 being the calling one, to one processor; false when it may
/// not run there.
bool PinTo(pid_t thread, int processor);

/// Asks the scheduler to give this thread the core promptly and for short: it runs for some
/// microseconds at a time. Needs no privilege; does nothing where the kernel does not know it.
void AskForPromptWakeups();

/// The processors that the sampler could move to: the calling thread's affinity as wide as its
/// cpuset lets it be, after which it is put back. Empty when the kernel refuses the question.
std::vector<int> ReachableProcessors();

}  // namespace pyprof
