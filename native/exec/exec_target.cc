#include "exec/exec_target.h"

namespace pyprof {

ExecTarget::ExecTarget(pid_t pid, AttachResult* failure) : writer_(pid), memory_(pid), tasks_(pid) {
  *failure = RuntimeFinder(pid, &memory_).Find();
  if (failure->status != AttachStatus::kOk) return;
  runtime_ = failure->runtime;
  request_ = std::make_unique<ScriptRequest>(&memory_, &writer_, runtime_);
}

}  // namespace pyprof
