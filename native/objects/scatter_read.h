#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// Many pieces of memory by few, long reads: those that lie close together come as one. Unlike
/// RemoteMemory::ReadRanges, a piece that cannot be read does not hide those behind it.
class ScatterRead {
 public:
  /// Pieces of size 0 are not read.
  ScatterRead(RemoteMemory* memory, std::span<const Range> pieces);

  /// What could be read of the piece with this index, from its start on: all of it, or less.
  std::span<const std::byte> operator[](size_t index) const { return read_[index]; }

 private:
  std::vector<size_t> Read(RemoteMemory* memory, std::span<const Range> pieces,
                           std::span<const size_t> order, bool merge);

  std::vector<std::unique_ptr<std::byte[]>> storage_;
  std::vector<std::span<const std::byte>> read_;  // by piece
  size_t failures_ = 0;
};

}  // namespace pyprof
