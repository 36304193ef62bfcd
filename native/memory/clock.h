#pragma once

#include <time.h>

#include <cstdint>

namespace pyprof {

inline constexpr uint64_t kMillisecond = 1'000'000;  // ns
inline constexpr uint64_t kSecond = 1'000 * kMillisecond;

/// Time on a clock, ns.
inline uint64_t Now(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace pyprof
