#pragma once

#include <sys/types.h>

namespace pyprof {

/// Stops and releases all threads of a process by ptrace (seize, interrupt, detach).
///
/// The tracing is done by a small process forked for it: a tracer's stop events go to its whole
/// process, and Node, which waits for its own children, would take them for a child's end. When the
/// profiler dies, however it dies, the tracer's pipe closes and it ends; when the tracer dies, the
/// kernel lets all threads run.
class Stopper {
 public:
  /// Forks the tracer. `Stop` tells when that failed.
  explicit Stopper(pid_t target);
  ~Stopper();
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;

  /// 0 when every thread of the target is stopped; otherwise the errno of what could not be done,
  /// and all run: EPERM (not allowed, or traced by a debugger), ESRCH (it has ended).
  int Stop();
  /// Lets them run; returns when they do.
  void LetGo();

 private:
  int Ask(char request);

  int requests_ = -1;
  int answers_ = -1;
  pid_t tracer_ = -1;
};

}  // namespace pyprof
