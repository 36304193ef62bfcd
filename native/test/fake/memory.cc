#include "test/fake/memory.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace pyprof::test {

void FakeMemory::Map(uint64_t address, uint64_t size) {
  for (uint64_t page = address / kPage; page <= (address + size - 1) / kPage; ++page) {
    auto& at = pages_[page];
    if (!at) at = std::make_unique<Page>();
  }
}

void FakeMemory::Unmap(uint64_t address, uint64_t size) {
  for (uint64_t page = address / kPage; page <= (address + size - 1) / kPage; ++page) {
    pages_.erase(page);
  }
}

void FakeMemory::Write(uint64_t address, const void* from, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  while (size > 0) {
    const auto page = pages_.find(address / kPage);
    if (page == pages_.end()) {
      std::fprintf(stderr, "the test writes to unmapped memory at %#lx\n", address);
      std::abort();
    }
    const uint64_t offset = address % kPage;
    const size_t part = std::min<size_t>(size, kPage - offset);
    std::memcpy(page->second->data() + offset, bytes, part);
    address += part;
    bytes += part;
    size -= part;
  }
}

void FakeMemory::Peek(uint64_t address, void* to, size_t size) const {
  auto* bytes = static_cast<std::byte*>(to);
  while (size > 0) {
    const auto page = pages_.find(address / kPage);
    if (page == pages_.end()) {
      std::fprintf(stderr, "the test looks at unmapped memory at %#lx\n", address);
      std::abort();
    }
    const uint64_t offset = address % kPage;
    const size_t part = std::min<size_t>(size, kPage - offset);
    std::memcpy(bytes, page->second->data() + offset, part);
    address += part;
    bytes += part;
    size -= part;
  }
}

int64_t FakeMemory::ReadRanges(std::span<const Range> ranges, std::byte* out) {
  ++counts_.reads;
  uint64_t asked = 0;
  for (const Range& range : ranges) asked += range.size;
  counts_.ranges += ranges.size();
  counts_.bytes += asked;
  counts_.largest = std::max(counts_.largest, asked);
  if (error_ != 0) return error_;

  int64_t done = 0;
  for (const Range& range : ranges) {
    if (before_range_) before_range_(copied_ranges_);
    ++copied_ranges_;
    uint64_t address = range.address;
    for (size_t left = range.size; left > 0;) {
      const auto page = pages_.find(address / kPage);
      if (page == pages_.end()) return done > 0 ? done : -EFAULT;
      const uint64_t offset = address % kPage;
      const size_t part = std::min<size_t>(left, kPage - offset);
      std::memcpy(out + done, page->second->data() + offset, part);
      done += static_cast<int64_t>(part);
      address += part;
      left -= part;
    }
  }
  return done;
}

std::vector<uint64_t> FakeMemory::Pages() const {
  std::vector<uint64_t> pages;
  pages.reserve(pages_.size());
  for (const auto& [page, bytes] : pages_) pages.push_back(page * kPage);
  std::sort(pages.begin(), pages.end());
  return pages;
}

}  // namespace pyprof::test
