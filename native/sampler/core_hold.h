#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace pyprof {

/// A thread of our own that takes a processor for the time of a read, so that nobody else can run
/// there. It sleeps in between.
class CoreHold {
 public:
  CoreHold();
  ~CoreHold();
  CoreHold(const CoreHold&) = delete;
  CoreHold& operator=(const CoreHold&) = delete;

  /// Takes a processor; false, and nothing is held, when the thread may not run there or is not
  /// given it soon. It is let go by Release, and after kLongest in any case.
  bool Take(int processor);
  /// Whether the thread runs on that processor, which it was to take, at an instant that is after
  /// the call and before its return.
  bool Has(int processor);
  /// Gives it back. The thread wakes up by itself at the time `next`, when the same processor is
  /// likely to be taken again, so that both are taken at the same moment; as of Now, 0: not known.
  void Release(uint64_t next = 0);

  /// Takes so far, and the CPU time that they have cost, ns.
  uint64_t takes() const { return (turn_ + 1) / 2; }
  uint64_t CpuTime();

  /// How long a processor is held at most, whatever becomes of the caller, ns.
  static constexpr uint64_t kLongest = 500'000;

 private:
  bool IsWanted() const { return turn_ % 2 == 1; }
  void Run();
  bool Answers(uint64_t patience);

  std::atomic<pid_t> tid_ = 0;
  /// Of the thread's affinity.
  std::atomic<int> processor_ = -1;
  /// Counts takes and releases: the processor is to be held while it is odd. A futex.
  std::atomic<uint32_t> turn_ = 0;
  /// When to wake up all the same; 0: not at all.
  std::atomic<uint64_t> alarm_ = 0;
  std::atomic<bool> stop_ = false;
  /// What was asked for, and what was answered from the processor.
  std::atomic<uint64_t> asked_ = 0;
  std::atomic<uint64_t> answered_ = 0;
  std::thread thread_;
};

}  // namespace pyprof
