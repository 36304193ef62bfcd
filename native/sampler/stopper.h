#pragma once

#include <sys/types.h>

#include <vector>

namespace pyprof {

/// Stops every thread of a process while it lives. Seized by ptrace, interrupted, and let go in the
/// destructor; when the profiler itself dies, the kernel lets them go. Must live and die on one
/// thread: ptrace knows its tracer by thread.
class Stopped {
 public:
  explicit Stopped(pid_t pid);
  ~Stopped();
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

  /// 0, or the errno of what could not be done (EPERM: not allowed, or traced by a debugger);
  /// nothing is stopped then.
  int error() const { return error_; }

 private:
  struct Task {
    pid_t tid;
    int signal;  // to be handed on when it is let go
  };
  bool Stop(pid_t tid);
  void LetGo();

  std::vector<Task> tasks_;
  int error_ = 0;
};

}  // namespace pyprof
