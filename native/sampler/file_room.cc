#include "sampler/file_room.h"

#include <sys/resource.h>

namespace pyprof {
namespace {

/// More than are open at once for a search, a look at /proc, and what Node does meanwhile.
constexpr rlim_t kLast = 64;

}  // namespace

bool IsAmongTheLast(int fd) {
  rlimit limit{};
  if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  return static_cast<rlim_t>(fd) + kLast >= limit.rlim_cur;
}

}  // namespace pyprof
