#include "objects/scatter_read.h"

#include <algorithm>
#include <cstdint>

namespace pyprof {
namespace {

/// A gap up to this is read along: it costs less than a range of its own and, being shorter than a
/// page, lies in pages that are read anyway.
constexpr uint64_t kMergeWithin = 2048;
/// Bound on failing reads, each a system call, against pointers that are garbage all over.
constexpr size_t kMaxFailures = 256;

/// Neighbours in the order of addresses that come as one range.
struct Group {
  Range range;
  size_t first;  // in that order
  size_t count;
  size_t offset;  // of its bytes
};

std::vector<Group> GroupsOf(std::span<const Range> pieces, std::span<const size_t> order,
                            bool merge) {
  std::vector<Group> groups;
  size_t offset = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const Range& piece = pieces[order[i]];
    if (merge && !groups.empty()) {
      Group& last = groups.back();
      const uint64_t start = piece.address - last.range.address;
      if (start <= last.range.size + kMergeWithin) {
        last.range.size = std::max<size_t>(last.range.size, start + piece.size);
        ++last.count;
        continue;
      }
    }
    if (!groups.empty()) offset += groups.back().range.size;
    groups.push_back({piece, i, 1, offset});
  }
  return groups;
}

}  // namespace

ScatterRead::ScatterRead(RemoteMemory* memory, std::span<const Range> pieces)
    : read_(pieces.size()) {
  std::vector<size_t> order;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].size > 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return pieces[a].address < pieces[b].address; });
  const std::vector<size_t> failed = Read(memory, pieces, order, true);
  if (!failed.empty()) Read(memory, pieces, failed, false);
}

/// Returns the pieces that may be readable one by one, though not together.
std::vector<size_t> ScatterRead::Read(RemoteMemory* memory, std::span<const Range> pieces,
                                      std::span<const size_t> order, bool merge) {
  const std::vector<Group> groups = GroupsOf(pieces, order, merge);
  std::vector<size_t> failed;
  if (groups.empty()) return failed;
  storage_.push_back(
      std::make_unique_for_overwrite<std::byte[]>(groups.back().offset + groups.back().range.size));
  std::byte* const bytes = storage_.back().get();
  std::vector<Range> ranges;
  ranges.reserve(groups.size());
  for (const Group& group : groups) ranges.push_back(group.range);

  size_t at = 0;
  while (at < groups.size() && failures_ < kMaxFailures) {
    const int64_t got =
        memory->ReadRanges(std::span(ranges).subspan(at), bytes + groups[at].offset);
    size_t left = got > 0 ? static_cast<size_t>(got) : 0;
    for (; at < groups.size(); ++at) {
      const Group& group = groups[at];
      const size_t here = std::min(left, group.range.size);
      for (const size_t piece : order.subspan(group.first, group.count)) {
        const size_t offset = pieces[piece].address - group.range.address;
        if (offset < here) {
          read_[piece] = {bytes + group.offset + offset,
                          std::min<size_t>(pieces[piece].size, here - offset)};
        }
      }
      if (here < group.range.size) break;
      left -= here;
    }
    if (at == groups.size()) break;
    ++failures_;
    if (groups[at].count > 1) {
      const auto parts = order.subspan(groups[at].first, groups[at].count);
      failed.insert(failed.end(), parts.begin(), parts.end());
    }
    ++at;
  }
  return failed;
}

}  // namespace pyprof
