#pragma once

#include <sys/types.h>

#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// Memory of a live process, by process_vm_readv: the target is neither stopped nor told.
class ProcessMemory final : public RemoteMemory {
 public:
  explicit ProcessMemory(pid_t pid) : pid_(pid) {}

  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override;

 private:
  pid_t pid_;
};

}  // namespace pyprof
