#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "memory/remote_memory.h"
#include "runtime/find_runtime.h"

namespace pyprof {

/// Names of threads: those that `threading` knows, else those of the operating system.
class ThreadNames {
 public:
  ThreadNames(RemoteMemory* memory, const Runtime& runtime, pid_t pid);

  /// Reads Python's names anew.
  void Refresh();

  /// `python_id` is threading's identifier, `native_id` the thread id in the target's own pid
  /// namespace. Empty when the thread has no name.
  std::string NameOf(uint64_t python_id, uint64_t native_id);

 private:
  std::string SystemName(uint64_t native_id) const;

  RemoteMemory* memory_;
  const Runtime runtime_;
  pid_t pid_;
  std::unordered_map<uint64_t, std::string> python_names_;
};

}  // namespace pyprof
