#include "stack/thread_plan.h"

#include <algorithm>

namespace pyprof {
namespace {

constexpr uint64_t kPage = 4096;
/// Room above the highest frame seen: some ordinary frames. A page more costs a tenth of a read.
constexpr uint64_t kRoom = 768;
/// Samples after which a high stack is forgotten.
constexpr int kWindow = 64;
/// Frames outside of the chunks that are read although the last sample did not meet them.
constexpr size_t kSpareOutside = 4;

}  // namespace

uint64_t ThreadPlan::NewestBytes() const {
  const uint64_t wanted = std::max(highest_, previous_highest_) + kRoom;
  const uint64_t rounded = (wanted + kPage - 1) / kPage * kPage;
  return chunks.empty() ? rounded : std::min(rounded, chunks.front().size);
}

void ThreadPlan::NoteTop(uint64_t bytes_in_newest) {
  highest_ = std::max(highest_, bytes_in_newest);
  if (++samples_ < kWindow) return;
  samples_ = 0;
  previous_highest_ = highest_;
  highest_ = bytes_in_newest;
}

void ThreadPlan::NoteOutside(const std::vector<uint64_t>& met) {
  if (std::equal(met.begin(), met.end(), outside.begin(),
                 outside.begin() + static_cast<ptrdiff_t>(std::min(met.size(), outside.size()))) &&
      met.size() <= outside.size() && outside.size() <= met.size() + kSpareOutside) {
    return;
  }
  std::vector<uint64_t> next = met;
  for (const uint64_t old : outside) {
    if (next.size() >= met.size() + kSpareOutside) break;
    if (std::find(next.begin(), next.end(), old) == next.end()) next.push_back(old);
  }
  outside = std::move(next);
}

}  // namespace pyprof
