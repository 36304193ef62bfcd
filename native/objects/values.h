#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/remote_memory.h"
#include "objects/types.h"
#include "runtime/layout.h"

namespace pyprof {

/// Reads int objects, all at once. Nothing for what is not exactly an int, negative, or 2**60 and
/// above.
std::vector<std::optional<uint64_t>> ReadLongs(RemoteMemory* memory, const Layout& layout,
                                               Types* types, std::span<const uint64_t> objects);

/// Reads str objects as UTF-8, all at once; as ReadPythonString otherwise. One of more than
/// `max_length` code points is cut and ends in an ellipsis. Nothing for what is not a str.
std::vector<std::optional<std::string>> ReadStrings(RemoteMemory* memory, const Layout& layout,
                                                    Types* types, std::span<const uint64_t> objects,
                                                    uint64_t max_length);

}  // namespace pyprof
