#include "memory/snapshot.h"

#include <algorithm>

namespace pyprof {
namespace {

/// Unreadable ranges that one sample steps over.
constexpr size_t kMaxResumes = 16;
/// What a fetch counts at least, so that small ones have an end too.
constexpr size_t kFetchCost = 4096;

}  // namespace

int64_t Snapshot::Read(std::span<const Range> ranges) {
  if (!extra_.empty()) extra_.clear();
  extra_storage_.clear();
  fetched_bytes_ = 0;
  size_t total = 0;
  for (const Range& range : ranges) total += range.size;
  if (buffer_.size() < total) buffer_.resize(total);
  segments_.clear();
  resumed_ = 0;
  std::byte* data = buffer_.data();
  int64_t first_result = 0;
  while (true) {
    const int64_t got = memory_->ReadRanges(ranges.subspan(segments_.size()), data);
    if (segments_.empty()) first_result = got;
    size_t left = got < 0 ? 0 : static_cast<size_t>(got);
    while (segments_.size() < ranges.size()) {
      const Range& range = ranges[segments_.size()];
      const size_t valid = std::min(left, range.size);
      segments_.push_back({range.address, valid, data});
      data += range.size;
      left -= valid;
      if (valid < range.size) break;
    }
    // One unreadable range must not hide those behind it.
    const bool whole =
        segments_.empty() || segments_.back().size == ranges[segments_.size() - 1].size;
    if (segments_.size() == ranges.size() || whole || first_result < 0) break;
    if (++resumed_ > kMaxResumes) break;
  }
  while (segments_.size() < ranges.size()) {
    segments_.push_back({ranges[segments_.size()].address, 0, nullptr});
  }
  return first_result;
}

Segment Snapshot::Fetch(uint64_t address, size_t size) {
  auto storage = std::make_unique<std::byte[]>(size);
  const Range range{address, size};
  const int64_t got = memory_->ReadRanges({&range, 1}, storage.get());
  const Segment segment{address, got < 0 ? 0 : static_cast<size_t>(got), storage.get()};
  fetched_bytes_ += std::max(size, kFetchCost);
  extra_.insert_or_assign(address, segment);
  extra_storage_.push_back(std::move(storage));
  return segment;
}

void Snapshot::FetchAll(std::span<const Range> ranges) {
  size_t total = 0;
  for (const Range& range : ranges) total += range.size;
  auto storage = std::make_unique<std::byte[]>(total);
  const int64_t got = memory_->ReadRanges(ranges, storage.get());
  auto left = static_cast<size_t>(std::max<int64_t>(got, 0));
  const std::byte* data = storage.get();
  for (const Range& range : ranges) {
    const size_t valid = std::min(left, range.size);
    if (valid > 0) extra_.insert_or_assign(range.address, Segment{range.address, valid, data});
    left -= valid;
    data += range.size;
  }
  fetched_bytes_ += std::max(total, kFetchCost);
  extra_storage_.push_back(std::move(storage));
}

const std::byte* Snapshot::FindFetched(uint64_t address, size_t size) const {
  const auto found = extra_.find(address);
  return found == extra_.end() ? nullptr : found->second.At(address, size);
}

}  // namespace pyprof
