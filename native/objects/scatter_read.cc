#include "objects/scatter_read.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace pyprof {
namespace {

/// A gap up to this is read along: it costs less than a range of its own, and as it is shorter than
/// a page, it lies in pages that are read anyway.
constexpr uint64_t kMergeWithin = 2048;
/// Bound on reads that fail, each of which is a system call: memory that is garbage all over.
constexpr size_t kMaxFailures = 256;

/// Pieces `first` to `last` (in the order of addresses) as one range.
struct Group {
  Range range;
  size_t first;
  size_t last;
  size_t offset;
};

std::vector<Group> Merge(std::span<const Range> pieces, std::span<const size_t> order,
                         bool separately) {
  std::vector<Group> groups;
  size_t offset = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const Range& piece = pieces[order[i]];
    if (!groups.empty() && !separately) {
      Group& group = groups.back();
      const uint64_t start = piece.address - group.range.address;
      if (start <= group.range.size + kMergeWithin && start + piece.size >= start) {
        group.range.size = std::max<size_t>(group.range.size, start + piece.size);
        group.last = i;
        continue;
      }
    }
    if (!groups.empty()) offset += groups.back().range.size;
    groups.push_back({piece, i, i, offset});
  }
  return groups;
}

}  // namespace

ScatterRead::ScatterRead(RemoteMemory* memory, std::span<const Range> pieces)
    : offsets_(pieces.size(), kUnread) {
  std::vector<size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return pieces[a].address < pieces[b].address; });

  size_t failures = 0;
  std::vector<size_t> again;  // pieces of ranges that could not be read as a whole
  for (const bool separately : {false, true}) {
    const std::vector<Group> groups = Merge(pieces, separately ? again : order, separately);
    if (groups.empty()) break;
    const std::span<const size_t> by_address = separately ? again : order;
    const size_t base = bytes_.size();
    bytes_.resize(base + groups.back().offset + groups.back().range.size);
    std::vector<Range> ranges;
    for (const Group& group : groups) ranges.push_back(group.range);

    std::vector<size_t> failed;
    size_t at = 0;
    while (at < groups.size() && failures < kMaxFailures) {
      const int64_t got = memory->ReadRanges(std::span(ranges).subspan(at),
                                             bytes_.data() + base + groups[at].offset);
      size_t left = got > 0 ? static_cast<size_t>(got) : 0;
      for (; at < groups.size() && left >= groups[at].range.size; ++at) {
        left -= groups[at].range.size;
        for (size_t i = groups[at].first; i <= groups[at].last; ++i) {
          const Range& piece = pieces[by_address[i]];
          offsets_[by_address[i]] =
              base + groups[at].offset + (piece.address - groups[at].range.address);
        }
      }
      if (at == groups.size()) break;
      ++failures;
      if (groups[at].first != groups[at].last) {
        failed.insert(failed.end(), by_address.begin() + static_cast<ptrdiff_t>(groups[at].first),
                      by_address.begin() + static_cast<ptrdiff_t>(groups[at].last) + 1);
      }
      ++at;
    }
    again = std::move(failed);
  }
}

}  // namespace pyprof
