#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace pyprof {

/// What /proc/PID/stat says of a process; see proc(5).
struct ProcessStat {
  /// R, S, D, T, Z, X, …
  char state;
  pid_t parent;
  uint64_t threads;
  /// When it started, in clock ticks since boot: together with its id it names a process for good.
  uint64_t start;
  /// Processor time that it has used, in clock ticks.
  uint64_t cpu;

  /// Its last thread has ended; only its exit status is left.
  bool Ended() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};

/// What follows the name in /proc/…/stat of a process or thread, from the state, field 3, on: the
/// name may hold anything, and the last parenthesis ends it. Empty when there is no such thing.
std::string_view AfterName(std::string_view stat);

/// Opens a file of /proc/PID/task/TID to be read; negative when it cannot be.
int OpenTaskFile(pid_t pid, uint64_t tid, const char* name);

/// Nothing when there is no such process.
std::optional<ProcessStat> ReadProcessStat(pid_t pid);

}  // namespace pyprof
