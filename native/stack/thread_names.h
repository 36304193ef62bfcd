#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "code/tables.h"
#include "memory/remote_memory.h"
#include "runtime/find_runtime.h"
#include "stack/python_threads.h"
#include "stack/task_names.h"
#include "stack/work_limit.h"

namespace pyprof {

/// Names of threads: those that `threading` knows, else those of the operating system.
class ThreadNames {
 public:
  ThreadNames(RemoteMemory* memory, const Runtime& runtime, pid_t pid);

  /// Reads the names anew.
  void Refresh();

  /// `python_id` is threading's identifier, `native_id` the thread id in the target's own pid
  /// namespace; a name is given only to the thread that has both. Empty when the thread has no
  /// name. A thread that is not known yet makes the names be read anew, as far as WorkLimit allows.
  std::string NameOf(uint64_t python_id, uint64_t native_id);

  /// Whether it is worth while to Refresh early: a thread that NameOf had to name after the
  /// operating system is so new that it may not have come to register itself with `threading`.
  bool RefreshIsWanted();

 private:
  struct ThreadId {
    uint64_t python_id;
    uint64_t native_id;
    bool operator==(const ThreadId&) const = default;
  };
  struct ThreadIdHash {
    size_t operator()(const ThreadId& id) const { return Mix(id.python_id ^ id.native_id << 40); }
  };
  struct Known {
    /// Empty: not registered with `threading`.
    std::string name;
    /// Last time that it was read or asked for, ns.
    uint64_t used_at = 0;
    /// When it is too old to be still unregistered, ns.
    uint64_t awaited_until = 0;
  };

  void ReadPythonNames();

  PythonThreads python_threads_;
  TaskNames tasks_;
  WorkLimit limit_;
  std::unordered_map<ThreadId, Known, ThreadIdHash> threads_;
  std::vector<ThreadId> awaited_;
  uint64_t tasks_read_at_ = 0;
};

}  // namespace pyprof
