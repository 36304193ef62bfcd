#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "exec/process_writer.h"
#include "exec/script_request.h"
#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "stack/task_ids.h"

namespace pyprof {

/// A live process that may be asked to run a script. Bound to the address space that the process
/// has now: after an exec nothing is written any more.
class ExecTarget {
 public:
  /// A failure leaves an object that must not be used.
  ExecTarget(pid_t pid, AttachResult* failure);

  ScriptRequest& request() { return *request_; }
  std::string version() const { return runtime_.layout.Version(); }
  uint64_t runtime_address() const { return runtime_.address; }
  /// A thread's id in our /proc; 0 when there is none.
  uint64_t TaskOf(const ExecThread& thread) { return tasks_.Outer(thread.native_id); }

 private:
  ProcessWriter writer_;  // made first: it is bound before anything is looked at
  ProcessMemory memory_;
  TaskIds tasks_;
  Runtime runtime_;
  std::unique_ptr<ScriptRequest> request_;
};

}  // namespace pyprof
