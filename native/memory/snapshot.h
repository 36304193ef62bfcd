#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// What one vectored read brought back, and what had to be fetched after it. Pointers into it hold
/// until the next Read. Nothing in it is to be trusted.
class Snapshot {
 public:
  explicit Snapshot(RemoteMemory* memory) : memory_(memory) {}

  /// Copies all ranges by one read, and one more for each unreadable range in between; segment i is
  /// range i, cut to what could be read (maybe 0). Returns what the first ReadRanges returned.
  int64_t Read(std::span<const Range> ranges);

  const std::vector<Segment>& segments() const { return segments_; }

  /// One more read, outside of the plan. A segment of size 0 when it fails; cut when only the
  /// beginning could be read.
  Segment Fetch(uint64_t address, size_t size);

  /// The same for several places by one read, as far as that gets.
  void FetchAll(std::span<const Range> ranges);

  /// Bytes fetched outside of the plan since Read, and the number of such reads.
  size_t fetched_bytes() const { return fetched_bytes_; }
  size_t fetches() const { return extra_storage_.size() + resumed_; }

  /// The bytes of a Fetch that began at `address`.
  const std::byte* FindFetched(uint64_t address, size_t size) const;

 private:
  RemoteMemory* memory_;
  std::vector<std::byte> buffer_;
  std::vector<Segment> segments_;
  std::unordered_map<uint64_t, Segment> extra_;
  std::vector<std::unique_ptr<std::byte[]>> extra_storage_;
  size_t fetched_bytes_ = 0;
  size_t resumed_ = 0;
};

}  // namespace pyprof
