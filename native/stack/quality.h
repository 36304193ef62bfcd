#pragma once

#include <cstdint>

namespace pyprof {

/// How far a sample can be trusted. Order and values are those of QUALITY in
/// src/profile/profile.ts.
enum class Quality : uint8_t { kExact = 0, kRepaired = 1, kPartial = 2, kMissed = 3 };

/// Why a sample is not exact. Order and values are those of REASONS in src/profile/profile.ts.
enum class Reason : uint8_t {
  kNone = 0,
  kUnreadable = 1,
  kMoved = 2,
  kYielded = 3,
  kTruncated = 4,
  kFreedCode = 5,
  kThreadGone = 6,
  kProcessGone = 7,
  kUnproved = 8,
  kLate = 9,
};

}  // namespace pyprof
