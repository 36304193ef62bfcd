#pragma once

#include <cstdint>

namespace pyprof {

/// Low bits of a stack reference that are not address (_PyStackRef: 1 bit in 3.14, 2 in 3.15).
inline constexpr uint64_t kTagBits = 7;
/// Words of one frame's locals and stack: eight million.
inline constexpr uint64_t kMaxStackWords = 1u << 23;

/// Whether a frame can have so many bytes of locals and stack in use, of which the last is on top.
inline bool IsStackInUse(uint64_t used) {
  return used % 8 == 0 && used >= 8 && used <= kMaxStackWords * 8;
}

/// What lies on top of a suspended frame's stack, and is awaited; from 3.15 on below a null.
/// @param words the last two of those in use
/// @return its address; 0: nothing does
inline uint64_t TopOfStack(const uint64_t (&words)[2], uint64_t used) {
  const uint64_t top = words[1] & ~kTagBits;
  return top != 0 || used < 16 ? top : words[0] & ~kTagBits;
}

}  // namespace pyprof
