#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sampler/process_watch.h"

namespace pyprof {

/// Writes into a target. There are two: a live process, and a fake one in tests.
class RemoteWriter {
 public:
  virtual ~RemoteWriter() = default;

  /// 0, or the errno of what was refused: ESRCH when the address space is not there any more.
  virtual int Write(uint64_t address, const void* from, size_t size) = 0;
  /// Whether the address space that this was made for is gone: the process ended, or did an exec.
  virtual bool Gone() = 0;
};

/// The one place in pyprof that writes to a process. By process_vm_writev, which respects the
/// protection of pages, as writing to /proc/PID/mem does not; the target is neither stopped nor
/// told.
class ProcessWriter final : public RemoteWriter {
 public:
  explicit ProcessWriter(pid_t pid) : pid_(pid), watch_(pid) { watch_.BindMemory(); }

  int Write(uint64_t address, const void* from, size_t size) override;
  bool Gone() override { return watch_.Exited() || !watch_.SameMemory(); }

 private:
  pid_t pid_;
  ProcessWatch watch_;
};

}  // namespace pyprof
