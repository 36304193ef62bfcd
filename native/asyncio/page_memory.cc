#include "asyncio/page_memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pyprof {
namespace {

constexpr uint64_t kPage = 4096;
/// Pages of one sample: 64 MB, which is the memory of some hundred thousand tasks.
constexpr size_t kMaxPages = 1u << 14;
/// Unreadable places that one Copy steps over, each a system call.
constexpr size_t kMaxHoles = 64;

}  // namespace

void PageMemory::Begin() {
  wanted_.clear();
  for (const auto& [number, page] : pages_) {
    if (page.used && page.readable) wanted_.push_back(number);
  }
  pages_.clear();
  recent_ = nullptr;
  bytes_.clear();
  reads_ = 0;
  full_ = false;
  Copy(&wanted_);
}

/// Null when the page was not copied yet; a page that could not be is there all the same.
PageMemory::Page* PageMemory::Find(uint64_t number) {
  if (recent_ != nullptr && recent_number_ == number) return recent_;
  const auto found = pages_.find(number);
  if (found == pages_.end()) return nullptr;
  recent_number_ = number;
  recent_ = &found->second;
  return recent_;
}

/// Copies the pages with these numbers, neighbours as one range.
void PageMemory::Copy(std::vector<uint64_t>* wanted) {
  std::sort(wanted->begin(), wanted->end());
  wanted->erase(std::unique(wanted->begin(), wanted->end()), wanted->end());
  if (pages_.size() + wanted->size() > kMaxPages) {
    full_ = true;
    wanted->resize(kMaxPages - std::min(kMaxPages, pages_.size()));
  }
  const size_t offset = bytes_.size();
  bytes_.resize(offset + wanted->size() * kPage);
  size_t done = 0;
  for (size_t holes = 0; done < wanted->size() && holes <= kMaxHoles; ++holes) {
    ranges_.clear();
    for (size_t i = done; i < wanted->size(); ++i) {
      const uint64_t address = (*wanted)[i] * kPage;
      if (!ranges_.empty() && ranges_.back().address + ranges_.back().size == address) {
        ranges_.back().size += kPage;
      } else {
        ranges_.push_back({address, kPage});
      }
    }
    ++reads_;
    const int64_t got = memory_->ReadRanges(ranges_, bytes_.data() + offset + done * kPage);
    const size_t whole = got < 0 ? 0 : static_cast<size_t>(got) / kPage;
    for (size_t i = done; i < std::min(done + whole, wanted->size()); ++i) {
      pages_[(*wanted)[i]] = {offset + i * kPage, true, false};
    }
    done += whole;
    if (done < wanted->size()) pages_[(*wanted)[done++]] = {};
  }
  for (; done < wanted->size(); ++done) pages_[(*wanted)[done]] = {};
}

void PageMemory::Prepare(std::span<const Range> ranges) {
  wanted_.clear();
  for (const Range& range : ranges) {
    if (range.size == 0) continue;
    const uint64_t last = (range.address + range.size - 1) / kPage;
    // An address near the end of all memory wraps; a range beyond the bound would not fit anyway.
    if (last < range.address / kPage || range.size > kMaxPages * kPage) continue;
    for (uint64_t page = range.address / kPage; page <= last; ++page) {
      if (Find(page) == nullptr) wanted_.push_back(page);
    }
    if (wanted_.size() > kMaxPages) break;
  }
  if (!wanted_.empty()) Copy(&wanted_);
}

int64_t PageMemory::ReadRanges(std::span<const Range> ranges, std::byte* out) {
  Prepare(ranges);
  int64_t copied = 0;
  for (const Range& range : ranges) {
    uint64_t at = range.address;
    size_t left = range.size;
    while (left > 0) {
      Page* const page = Find(at / kPage);
      if (page == nullptr || !page->readable) return copied > 0 ? copied : -EFAULT;
      page->used = true;
      const uint64_t within = at % kPage;
      const size_t part = std::min<uint64_t>(left, kPage - within);
      std::memcpy(out + copied, bytes_.data() + page->offset + within, part);
      copied += static_cast<int64_t>(part);
      at += part;
      left -= part;
    }
  }
  return copied;
}

}  // namespace pyprof
