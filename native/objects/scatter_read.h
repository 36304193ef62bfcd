#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// Many pieces of memory by few, long reads: those that lie close together come as one. Unlike
/// RemoteMemory::ReadRanges, a piece that cannot be read does not hide those behind it.
class ScatterRead {
 public:
  ScatterRead(RemoteMemory* memory, std::span<const Range> pieces);

  /// Bytes of the piece with this index, null when it could not be read.
  const std::byte* operator[](size_t index) const {
    return offsets_[index] == kUnread ? nullptr : bytes_.data() + offsets_[index];
  }

 private:
  static constexpr size_t kUnread = ~size_t{0};

  std::vector<size_t> Read(RemoteMemory* memory, std::span<const Range> pieces,
                           std::span<const size_t> order, bool merge);

  std::vector<std::byte> bytes_;
  std::vector<size_t> offsets_;  // into bytes_, by piece
  size_t failures_ = 0;
};

}  // namespace pyprof
