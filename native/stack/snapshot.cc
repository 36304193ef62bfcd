#include "stack/snapshot.h"

#include <algorithm>

namespace pyprof {

int64_t Snapshot::Read(std::span<const Range> ranges) {
  extra_.clear();
  extra_storage_.clear();
  fetched_bytes_ = 0;
  size_t total = 0;
  for (const Range& range : ranges) total += range.size;
  if (buffer_.size() < total) buffer_.resize(total);
  const int64_t got = memory_->ReadRanges(ranges, buffer_.data());

  segments_.clear();
  size_t left = got < 0 ? 0 : static_cast<size_t>(got);
  const std::byte* data = buffer_.data();
  for (const Range& range : ranges) {
    const size_t valid = std::min(left, range.size);
    segments_.push_back({range.address, valid, data});
    data += range.size;
    left -= valid;
  }
  return got;
}

Segment Snapshot::Fetch(uint64_t address, size_t size) {
  auto storage = std::make_unique<std::byte[]>(size);
  const Range range{address, size};
  const int64_t got = memory_->ReadRanges({&range, 1}, storage.get());
  const Segment segment{address, got < 0 ? 0 : static_cast<size_t>(got), storage.get()};
  fetched_bytes_ += size;
  extra_.insert_or_assign(address, segment);
  extra_storage_.push_back(std::move(storage));
  return segment;
}

const std::byte* Snapshot::FindFetched(uint64_t address, size_t size) const {
  const auto found = extra_.find(address);
  return found == extra_.end() ? nullptr : found->second.At(address, size);
}

}  // namespace pyprof
