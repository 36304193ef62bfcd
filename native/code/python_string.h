#pragma once

#include <optional>
#include <string>

#include "memory/remote_memory.h"
#include "runtime/layout.h"

namespace pyprof {

/// Longest str that is read whole, in code points; a longer one is cut and ends in an ellipsis.
inline constexpr uint64_t kMaxStringLength = 1u << 16;

/// Reads a str object as UTF-8, whatever its kind (1, 2 or 4 bytes a code point). A code point
/// that UTF-8 cannot carry (a lone surrogate) becomes `\udcXX`. Nothing when it is not readable
/// or not a compact str.
std::optional<std::string> ReadPythonString(RemoteMemory* memory, const Layout& layout,
                                            uint64_t address);

/// Reads a NUL-terminated C string of at most `limit` bytes.
std::optional<std::string> ReadCString(RemoteMemory* memory, uint64_t address, size_t limit);

}  // namespace pyprof
