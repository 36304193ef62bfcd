#pragma once

namespace pyprof {

/// Whether a descriptor is among the last that this process may have (RLIMIT_NOFILE). Those are for
/// what is open for a moment; who keeps one closes it again, and does without.
bool IsAmongTheLast(int fd);

}  // namespace pyprof
