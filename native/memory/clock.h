#pragma once

#include <time.h>

#include <cstdint>

namespace pyprof {

/// Time of CLOCK_MONOTONIC, ns.
inline uint64_t MonotonicNow() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace pyprof
