#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace pyprof {

/// A piece of the target's address space.
struct Range {
  uint64_t address;
  size_t size;
};

/// A copied piece of the target: `size` valid bytes.
struct Segment {
  uint64_t address;
  size_t size;
  const std::byte* data;

  const std::byte* At(uint64_t wanted, size_t length) const {
    const uint64_t offset = wanted - address;  // wraps to a large number below the segment
    return offset < size && length <= size - offset ? data + offset : nullptr;
  }
};

/// The target's memory, wherever it is: a live process, a core file, a fake image in tests.
/// Nothing that it returns is trusted by its users.
class RemoteMemory {
 public:
  virtual ~RemoteMemory() = default;

  /// Copies the ranges, one after another without space between, to `out`, in order.
  /// Returns how many bytes were copied before the first unreadable one, or -errno when nothing
  /// could be copied: -EFAULT (not mapped), -ESRCH (no such process), -EPERM (not allowed).
  virtual int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) = 0;

  /// True when all `size` bytes were copied.
  bool Read(uint64_t address, void* out, size_t size) {
    const Range range{address, size};
    return ReadRanges({&range, 1}, static_cast<std::byte*>(out)) == static_cast<int64_t>(size);
  }

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  bool ReadValue(uint64_t address, T* out) {
    return Read(address, out, sizeof(T));
  }
};

}  // namespace pyprof
