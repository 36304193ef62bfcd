#include "stack/thread_plan.h"

#include <algorithm>
#include <iterator>

namespace pyprof {
namespace {

constexpr uint64_t kPage = 4096;
/// Room above the highest frame seen: some ordinary frames. A page more costs a tenth of a read.
constexpr uint64_t kRoom = 768;
/// Samples after which a high stack is forgotten.
constexpr int kWindow = 64;
/// Frames outside of the chunks that are read although the last sample did not meet them.
constexpr size_t kSpareOutside = 4;
/// What one thread's chunks may take in a plan; a million frames are 100 MB.
constexpr uint64_t kMaxPlanned = 256u << 20;
/// Frames outside of the chunks that are planned; each costs a third of a microsecond.
constexpr size_t kMaxOutside = 4096;
/// CPython keeps one chunk that went out of use; a stack that swings far may come back to more.
constexpr size_t kSpareChunks = 4;
constexpr uint64_t kSpareBytes = 16 * 1024;
/// Frames closer than this are read as one range: a range more costs what a page more does.
constexpr uint64_t kMergeWithin = 2048;

/// Before the frames of a chunk (_PyStackChunk: previous, size, top).
constexpr uint64_t kChunkHead = 24;
/// How much of the newest chunk's end is read twice: some thirty frames below the highest one,
/// whose end is up to a page and its room before that of the chunk.
constexpr uint64_t kChecked = 2 * kPage;

/// Stacks of one thread, one for each greenlet, of which is remembered what they are.
constexpr size_t kMaxVerdicts = 1u << 14;

/// Generators whose callers are remembered: 40 bytes each, a thread.
constexpr size_t kMaxCallers = 1u << 16;

}  // namespace

RootVerdict& ThreadPlan::VerdictOn(uint64_t root_chunk) {
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  return verdicts_[root_chunk];
}

void ThreadPlan::ForgetVerdicts() {
  verdicts_.clear();
  has_greenlets = false;
}

void ThreadPlan::Unreadable(const Range& range) {
  const auto inside = [&range](uint64_t at) { return at - range.address < range.size; };
  const auto unmapped = [&inside](const Chunk& chunk) { return inside(chunk.address); };
  std::erase_if(outside, inside);
  std::erase_if(spares, unmapped);
  // With a chunk go the newer ones, which hang on it.
  chunks.erase(std::find_if(chunks.begin(), chunks.end(), unmapped), chunks.end());
  changed = true;
}

void ThreadPlan::NoteChunks(std::vector<Chunk> now) {
  std::vector<Chunk> kept;
  const auto keep = [&now, &kept](const Chunk& old) {
    const auto same = [&old](const Chunk& chunk) { return chunk.address == old.address; };
    if (kept.size() < kSpareChunks && std::none_of(now.begin(), now.end(), same)) {
      kept.push_back({old.address, old.size, std::min(old.bytes, kSpareBytes)});
    }
  };
  std::for_each(chunks.rbegin(), chunks.rend(), keep);
  std::for_each(spares.begin(), spares.end(), keep);
  spares = std::move(kept);
  chunks = std::move(now);
  changed = true;
}

void ThreadPlan::NoteTop(uint64_t bytes) {
  highest_ = std::max(highest_, bytes);
  if (++samples_ >= kWindow) {
    samples_ = 0;
    previous_highest_ = highest_;
    highest_ = bytes;
  }
  if (chunks.empty()) return;
  const uint64_t wanted = std::max(highest_, previous_highest_) + kRoom;
  const uint64_t rounded = std::min((wanted + kPage - 1) / kPage * kPage, chunks.back().size);
  if (rounded == chunks.back().bytes) return;
  chunks.back().bytes = rounded;
  changed = true;
}

bool ThreadPlan::HasApart() const {
  return std::any_of(links.begin(), links.end(),
                     [](const FrameLink& link) { return link.owner == kOwnedByGenerator; });
}

void ThreadPlan::NoteCaller(uint64_t frame, uint64_t caller) {
  if (callers_.size() >= kMaxCallers) callers_.clear();
  callers_[frame] = caller;
}

uint64_t ThreadPlan::CallerOf(uint64_t frame) const {
  const auto found = callers_.find(frame);
  return found == callers_.end() ? 0 : found->second;
}

void ThreadPlan::NoteOutside(const std::vector<uint64_t>& met) {
  std::vector<uint64_t> next(
      met.begin(), met.begin() + static_cast<ptrdiff_t>(std::min(met.size(), kMaxOutside)));
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  const size_t limit = next.size() + kSpareOutside;
  if (outside.size() <= limit &&
      std::includes(outside.begin(), outside.end(), next.begin(), next.end())) {
    return;
  }
  std::vector<uint64_t> spare;
  std::set_difference(outside.begin(), outside.end(), next.begin(), next.end(),
                      std::back_inserter(spare));
  spare.resize(std::min(spare.size(), kSpareOutside));
  next.insert(next.end(), spare.begin(), spare.end());
  std::sort(next.begin(), next.end());
  outside = std::move(next);
  changed = true;
}

void ThreadPlan::AppendRanges(size_t state_size, size_t frame_size, size_t before, bool twice,
                              std::vector<Range>* out) const {
  out->push_back({address, state_size});
  if (!chunks.empty()) {
    const Chunk& newest = chunks.back();
    out->push_back({newest.address, newest.bytes});
    const uint64_t checked = std::min(newest.bytes - kChunkHead, kChecked);
    if (twice) out->push_back({newest.address + newest.bytes - checked, checked});
  }
  if (!outside.empty()) {
    Range range{outside.front() - before, before + frame_size};
    for (const uint64_t at : outside) {
      if (at + frame_size - range.address > range.size + kMergeWithin) {
        out->push_back(range);
        range = {at - before, before + frame_size};
      } else {
        range.size = std::max<size_t>(range.size, at + frame_size - range.address);
      }
    }
    out->push_back(range);
  }
  uint64_t bytes = 0;
  for (size_t i = chunks.empty() ? 0 : chunks.size() - 1; i-- > 0 && bytes <= kMaxPlanned;) {
    out->push_back({chunks[i].address, chunks[i].bytes});
    bytes += chunks[i].bytes;
  }
  for (const Chunk& spare : spares) out->push_back({spare.address, spare.bytes});
}

}  // namespace pyprof
