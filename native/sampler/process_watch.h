#pragma once

#include <sys/types.h>

namespace pyprof {

/// Tells a process that ended from one that replaced itself by exec. Holds a pidfd, which never
/// comes to mean another process, and /proc/PID/mem, which stays bound to the address space
/// that it was opened on and reads as empty once that is gone. Where there is no room for more open
/// files, an end is told by the id alone, and an exec only by memory that cannot be read any more.
class ProcessWatch {
 public:
  explicit ProcessWatch(pid_t pid);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  /// Whether the process has ended (a zombie has).
  bool Exited() const;
  /// From now on, SameMemory is about the address space that the process has now.
  void BindMemory();
  /// Whether the process still has the address space of BindMemory; true when it cannot be told.
  bool SameMemory() const;

 private:
  pid_t pid_;
  int pidfd_;
  int memory_ = -1;
};

}  // namespace pyprof
