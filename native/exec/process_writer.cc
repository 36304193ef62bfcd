#include "exec/process_writer.h"

#include <sys/uio.h>

#include <cerrno>

namespace pyprof {

int ProcessWriter::Write(uint64_t address, const void* from, size_t size) {
  if (Gone()) return ESRCH;
  const iovec local{const_cast<void*>(from), size};  // the kernel only reads it
  const iovec remote{reinterpret_cast<void*>(address), size};
  const ssize_t done = process_vm_writev(pid_, &local, 1, &remote, 1, 0);
  if (done < 0) return errno;
  return static_cast<size_t>(done) == size ? 0 : EFAULT;
}

}  // namespace pyprof
