#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof::test {

/// Memory of a target that does not exist: sparse pages in an otherwise unmapped address space.
/// Reads behave as process_vm_readv does: they stop at the first unmapped page.
class FakeMemory : public RemoteMemory {
 public:
  static constexpr uint64_t kPage = 4096;

  /// Makes every page that the range touches readable; new ones are filled with zeros.
  void Map(uint64_t address, uint64_t size);
  /// Forgets every page that the range touches.
  void Unmap(uint64_t address, uint64_t size);
  bool IsMapped(uint64_t address) const { return pages_.contains(address / kPage); }

  /// Writes to mapped memory; aborts where nothing is mapped, which is an error in the test.
  void Write(uint64_t address, const void* from, size_t size);
  void Write(uint64_t address, std::string_view bytes) {
    Write(address, bytes.data(), bytes.size());
  }
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  void Put(uint64_t address, T value) {
    Write(address, &value, sizeof(value));
  }
  /// Copies out of mapped memory, without counting as a read of the target.
  void Peek(uint64_t address, void* to, size_t size) const;
  template <typename T>
  T Get(uint64_t address) const {
    T value{};
    Peek(address, &value, sizeof(value));
    return value;
  }

  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override;

  /// Called before each range is copied, with the number of ranges copied so far: the target's
  /// own threads, running while it is read.
  void OnRange(std::function<void(uint64_t)> before) { before_range_ = std::move(before); }
  /// Makes the next reads fail with this error (such as -ESRCH); 0 ends that.
  void FailWith(int64_t error) { error_ = error; }

  /// ReadRanges calls, and the ranges and bytes that they asked for, since the last ResetCounts.
  struct Counts {
    uint64_t reads = 0;
    uint64_t ranges = 0;
    uint64_t bytes = 0;
    /// Most bytes that one call asked for.
    uint64_t largest = 0;
  };
  const Counts& counts() const { return counts_; }
  void ResetCounts() { counts_ = {}; }

  /// Addresses of all mapped pages, ascending.
  std::vector<uint64_t> Pages() const;

 private:
  using Page = std::array<std::byte, kPage>;

  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;  // by page number
  std::function<void(uint64_t)> before_range_;
  uint64_t copied_ranges_ = 0;
  int64_t error_ = 0;
  Counts counts_;
};

}  // namespace pyprof::test
