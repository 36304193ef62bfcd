#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

#include "memory/clock.h"

namespace pyprof {

/// Sleeps until the word is woken, unless it is another value already. May return early.
/// @param until a time as of Now; 0: for ever
inline void FutexWait(std::atomic<uint32_t>* word, uint32_t value, uint64_t until) {
  const timespec time{static_cast<time_t>(until / kSecond), static_cast<long>(until % kSecond)};
  // An absolute time on CLOCK_MONOTONIC.
  syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, until == 0 ? nullptr : &time, nullptr,
          FUTEX_BITSET_MATCH_ANY);
}

inline void FutexWake(std::atomic<uint32_t>* word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace pyprof
