#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/stack_reader.h"
#include "stack/task_ids.h"

namespace pyprof {

/// CPU time of a sample that was not measured; NO_CPU in src/profile/profile.ts.
inline constexpr double kNoCpu = -1;

/// What a line of /proc/PID/task/TID/syscall says.
struct TaskPlace {
  /// On a processor, or ready to be.
  bool runs;
  /// Address on which it waits by futex(2); 0: it does not.
  uint64_t futex;
};
TaskPlace ParseSyscall(std::string_view text);

/// What the kernel knows of a process's threads: whether they are on a processor, how much CPU time
/// they used, and whether they sleep in the queue of the GIL. Two small reads a thread at most, of
/// files that stay open; one when the thread has not been on a processor since the last look, which
/// the kernel counts.
class CpuClock {
 public:
  explicit CpuClock(pid_t pid);
  ~CpuClock();
  CpuClock(const CpuClock&) = delete;
  CpuClock& operator=(const CpuClock&) = delete;

  /// Begins anew: another interpreter, whose samples' serials start anew.
  void Attach();
  /// The states that can be told of this process.
  uint8_t known() const;

  /// Looks at the threads of these samples, at `most` of them: first those that ran when they were
  /// last looked at, that hold the GIL or whose stack has changed; then the others by turns.
  void Look(std::span<const ThreadSample> samples, size_t most);

  struct Activity {
    /// As of the last look.
    uint8_t state;
    /// CPU time since the last look that was taken, ns; kNoCpu when there was no look since, or
    /// no other before.
    double cpu;
  };
  Activity Take(const ThreadSample& sample);

  /// Number of threads looked at, and of files read for it.
  uint64_t looks() const { return looks_; }
  uint64_t reads() const { return reads_; }

 private:
  struct Task;
  Task* TaskOf(const ThreadSample& sample);
  void LookAt(Task* task, const ThreadSample& sample);
  bool Open(Task* task, uint64_t native_id);
  void Sweep();

  const pid_t pid_;
  TaskIds ids_;
  /// Whether the kernel has, and lets us read, /proc/PID/task/TID/syscall; else `stat` tells
  /// whether a thread runs.
  bool has_syscall_ = false;
  bool has_state_ = false;
  /// The target's pthread_cond_wait sleeps inside of the pthread_cond_t, as glibc's does.
  bool has_futex_ = false;
  std::vector<std::unique_ptr<Task>> tasks_;  // by serial
  const size_t most_open_;
  size_t open_ = 0;
  size_t next_ = 0;
  uint64_t round_ = 0;
  uint64_t looks_ = 0;
  uint64_t reads_ = 0;
};

}  // namespace pyprof
