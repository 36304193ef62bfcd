#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "runtime/layout.h"

namespace pyprof {

/// First bytes of the table.
inline constexpr char kDebugCookie[8] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};
/// Size of the largest known table (3.15), in bytes.
inline constexpr size_t kMaxDebugOffsetsSize = 888;
/// What the errors and `pyprof --help` name.
inline constexpr const char* kSupportedVersions = "3.13, 3.14, 3.15";

enum class OffsetsStatus {
  kOk,
  kNoCookie,
  /// A version that has no field list here; the detail names it.
  kUnsupportedVersion,
  /// A field fails validation; the detail names it.
  kBadField,
};

struct OffsetsResult {
  OffsetsStatus status;
  Layout layout;
  std::string detail;
};

/// Turns the first `kMaxDebugOffsetsSize` bytes of a `.PyRuntime` section into a validated layout.
/// Every offset is checked against its structure's published size and its field's alignment, every
/// size against a plain upper bound, so that the rest of the house may use them unchecked.
OffsetsResult ParseDebugOffsets(std::span<const std::byte> table);

/// Bytes of the table of a supported minor version; 0 for any other.
size_t DebugOffsetsSize(int minor);

}  // namespace pyprof
