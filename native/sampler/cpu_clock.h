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

/// The files of threads that are open, of all clocks that share it.
struct TaskFiles {
  TaskFiles();
  /// How many threads' files may be open.
  const size_t most;
  size_t open = 0;
};

/// What the kernel knows of a process's threads: whether they are on a processor, how much CPU time
/// they used, and whether they sleep in the queue of the GIL. Two small reads a thread at most, of
/// files that stay open; one when the thread has not been on a processor since the last look, which
/// the kernel counts.
class CpuClock {
 public:
  CpuClock(pid_t pid, TaskIds* ids,
           std::shared_ptr<TaskFiles> files = std::make_shared<TaskFiles>());
  ~CpuClock();
  CpuClock(const CpuClock&) = delete;
  CpuClock& operator=(const CpuClock&) = delete;

  /// Begins anew: another interpreter, whose samples' serials start anew.
  void Attach();
  /// Closes all files.
  void Detach();
  /// The states that can be told of this process.
  uint8_t known() const;

  /// How many threads one Look looks at: of the lively ones, which ran when they were last looked
  /// at, hold the GIL or stand elsewhere than before; and of the others. Both by turns.
  struct Most {
    size_t lively;
    size_t quiet;
  };
  /// Looks at the threads of these samples.
  void Look(std::span<const ThreadSample> samples, Most most);
  /// Takes over what is known of a thread that is on a processor or ready to be; the next Look
  /// leaves it out.
  void NoteRunning(const ThreadSample& sample, uint64_t runs, uint64_t run_time);

  struct Activity {
    /// As of the last look.
    uint8_t state;
    /// CPU time since the last look that was taken, ns; kNoCpu when there was no look since, or
    /// no other before.
    double cpu;
  };
  Activity Take(const ThreadSample& sample);

  /// CPU time between the two belongs to no sample.
  void Pause();
  void Resume();

  /// Number of threads looked at, lively and quiet, and of files read for it.
  Most looks() const { return looks_; }
  uint64_t reads() const { return reads_; }

 private:
  struct Task;
  Task* TaskOf(const ThreadSample& sample);
  static bool IsLively(const Task& task, const ThreadSample& sample);
  void LookAt(Task* task, const ThreadSample& sample);
  bool Open(Task* task, uint64_t native_id);
  void Sweep();
  bool ReadRunTime(const Task& task, uint64_t* run_time);
  void Ask();

  const pid_t pid_;
  TaskIds* ids_;
  const std::shared_ptr<TaskFiles> files_;
  /// Whether the kernel has, and lets us read, /proc/PID/task/TID/syscall; else `stat` tells
  /// whether a thread runs.
  bool has_syscall_ = false;
  bool has_state_ = false;
  /// The target's pthread_cond_wait sleeps inside of the pthread_cond_t, as glibc's does.
  bool has_futex_ = false;
  /// By serial. A thread that runs several interpreters has several serials and one task, so that
  /// its CPU time counts once: for the first of them.
  std::vector<std::shared_ptr<Task>> tasks_;
  size_t next_lively_ = 0;
  size_t next_quiet_ = 0;
  uint64_t round_ = 1;
  Most looks_{0, 0};
  uint64_t reads_ = 0;
};

}  // namespace pyprof
