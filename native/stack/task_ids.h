#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "stack/work_limit.h"

namespace pyprof {

/// Translates the ids of a process's threads. A process that lives in a pid namespace below that of
/// our /proc, as in a container, knows its threads by other ids than /proc does.
class TaskIds {
 public:
  explicit TaskIds(pid_t pid);

  /// The thread's id in our /proc; `native_id` is the one that the process itself sees. 0 when
  /// there is no such thread.
  uint64_t Outer(uint64_t native_id);
  /// Call this when /proc had no such thread after all: ids are used again.
  void Forget(uint64_t native_id);
  /// Id of the process's first thread, as the process itself sees it.
  uint64_t main_native_id() const { return main_native_id_; }

 private:
  void FindOuterIds();

  const std::string directory_;
  uint64_t main_native_id_;
  bool nested_;
  std::map<uint64_t, uint64_t> inner_ids_;  // by the id in our /proc
  std::map<uint64_t, uint64_t> outer_ids_;  // the other way round
  WorkLimit scans_;
};

}  // namespace pyprof
