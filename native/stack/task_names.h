#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "stack/task_ids.h"

namespace pyprof {

/// The operating system's names of a process's threads (comm: at most 15 bytes).
class TaskNames {
 public:
  explicit TaskNames(pid_t pid);

  /// `native_id` is the thread's id as the process itself sees it, that is, in its own pid
  /// namespace. Empty when there is no such thread. A name that was asked for before is the one of
  /// then, or of the last `Refresh` that came to it.
  std::string NameOf(uint64_t native_id);
  /// Reads names that were asked for since the last call again, a bounded number; forgets the
  /// others.
  void Refresh();

  /// Id of the process's first thread, as the process itself sees it.
  uint64_t main_native_id() const { return ids_.main_native_id(); }

 private:
  struct Task {
    std::string name;
    bool asked;
  };

  std::string Read(uint64_t native_id);

  const std::string directory_;
  TaskIds ids_;
  std::map<uint64_t, Task> tasks_;
  uint64_t refreshed_to_ = 0;
};

}  // namespace pyprof
