#include "memory/process_memory.h"

#include <sys/uio.h>

#include <cerrno>
#include <climits>

namespace pyprof {

static_assert(sizeof(Range) == sizeof(iovec) && offsetof(Range, size) == offsetof(iovec, iov_len),
              "ranges are handed to the kernel as they are");

int64_t ProcessMemory::ReadRanges(std::span<const Range> ranges, std::byte* out) {
  int64_t done = 0;
  while (!ranges.empty()) {
    const auto part = ranges.first(ranges.size() < IOV_MAX ? ranges.size() : IOV_MAX);
    size_t wanted = 0;
    for (const Range& range : part) wanted += range.size;
    const iovec local{out + done, wanted};
    const ssize_t got = process_vm_readv(
        pid_, &local, 1, reinterpret_cast<const iovec*>(part.data()), part.size(), 0);
    if (got < 0) return done > 0 ? done : -errno;
    done += got;
    if (static_cast<size_t>(got) < wanted) return done;
    ranges = ranges.subspan(part.size());
  }
  return done;
}

}  // namespace pyprof
