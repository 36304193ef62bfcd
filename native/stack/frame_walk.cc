#include "stack/frame_walk.h"

#include <algorithm>
#include <cstring>

namespace pyprof {
namespace {

/// Low bits of a stack reference that are not address (_PyStackRef: 1 bit in 3.14, 2 in 3.15).
constexpr uint64_t kTagBits = 7;

// _PyStackChunk (Include/internal/pycore_pystate.h): previous, size, top (words, valid only in
// chunks below the newest), data.
constexpr uint64_t kChunkPrevious = 0;
constexpr uint64_t kChunkSize = 8;
constexpr uint64_t kChunkTop = 16;
constexpr uint64_t kChunkData = 24;
/// DATA_STACK_CHUNK_SIZE.
constexpr uint64_t kDefaultChunk = 16 * 1024;
constexpr uint64_t kMaxChunk = 1u << 30;
constexpr uint64_t kPage = 4096;
/// Chunks double in nothing, they are 16 KiB each: enough for kMaxFrames.
constexpr size_t kMaxChunks = 1u << 16;
/// Frames outside of the chunks that may lie between two frames on the data stack when a chain is
/// followed upwards.
constexpr int kMaxHops = 64;

template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

/// Finds a loop in a chain by keeping one earlier address (Brent).
class LoopGuard {
 public:
  bool Loops(uint64_t address) {
    if (address == kept_) return true;
    if (++steps_ == limit_) {
      kept_ = address;
      limit_ *= 2;
      steps_ = 0;
    }
    return false;
  }

 private:
  uint64_t kept_ = 0;
  uint64_t steps_ = 0;
  uint64_t limit_ = 8;
};

}  // namespace

FrameWalk::FrameWalk(const Layout& layout, CodeTable* codes, FrameSizeVerdict* sizes,
                     Snapshot* snapshot)
    : layout_(layout), codes_(codes), sizes_(sizes), snapshot_(snapshot) {
  head_size_ = std::max({layout.frame.executable + 8, layout.frame.previous + 8,
                         layout.frame.instr_ptr + 8, layout.frame.owner + 1});
}

const std::byte* FrameWalk::Find(uint64_t address, size_t size) const {
  for (const Segment& chunk : chunk_copies_) {
    if (const std::byte* found = chunk.At(address, size)) return found;
  }
  for (const Segment& segment : planned_) {
    if (const std::byte* found = segment.At(address, size)) return found;
  }
  return snapshot_->FindFetched(address, size);
}

bool FrameWalk::HeadWithoutRead(uint64_t address, FrameHead* out) const {
  const std::byte* bytes = Find(address, head_size_);
  if (bytes == nullptr) return false;
  *out = {Load<uint64_t>(bytes + layout_.frame.executable) & ~kTagBits,
          Load<uint64_t>(bytes + layout_.frame.previous),
          Load<uint64_t>(bytes + layout_.frame.instr_ptr),
          Load<uint8_t>(bytes + layout_.frame.owner)};
  return true;
}

bool FrameWalk::Head(uint64_t address, FrameHead* out) {
  if (HeadWithoutRead(address, out)) return true;
  if (address % 8 != 0 || snapshot_->fetched_bytes() > kMaxFetched) return false;
  EnsureCopied(address);
  if (HeadWithoutRead(address, out)) return true;
  return snapshot_->Fetch(address, head_size_).size == head_size_ && HeadWithoutRead(address, out);
}

bool FrameWalk::PlaceOf(uint64_t address, Place* out) const {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (address - chunks_[i].address < chunks_[i].size) {
      *out = {i, address};
      return true;
    }
  }
  return false;
}

/// Copies the whole of the chunk that holds the address, when the plan had only part of it.
void FrameWalk::EnsureCopied(uint64_t address) {
  Place place{};
  if (!PlaceOf(address, &place)) return;
  const Chunk& chunk = chunks_[place.chunk];
  if (chunk_copies_[place.chunk].size >= chunk.size) return;
  const Segment whole = snapshot_->Fetch(chunk.address, chunk.size);
  if (whole.size > chunk_copies_[place.chunk].size) chunk_copies_[place.chunk] = whole;
}

/// Establishes chunks_ and their copies, from the newest on: what the plan has copied, else
/// fetched. False when the chunks are not what they should be; frames are then read one by one.
bool FrameWalk::LoadChunks(ThreadPlan* plan, uint64_t newest) {
  chunks_.clear();
  chunk_copies_.clear();
  size_t planned = 0;
  for (uint64_t at = newest; at != 0;) {
    if (at % kPage != 0 || chunks_.size() >= kMaxChunks) return false;
    Segment copy{at, 0, nullptr};
    // The plan's segments are newest first too, so the search goes on where it stood.
    for (size_t i = planned; i < planned_.size() + planned; ++i) {
      const Segment& segment = planned_[i % planned_.size()];
      if (segment.address != at || segment.size < kChunkData) continue;
      copy = segment;
      planned = i % planned_.size();
      break;
    }
    if (copy.data == nullptr) copy = snapshot_->Fetch(at, kDefaultChunk);
    if (copy.size < kChunkData || snapshot_->fetched_bytes() > kMaxFetched) return false;
    const auto size = Load<uint64_t>(copy.data + kChunkSize);
    if (size < kDefaultChunk || size > kMaxChunk || size % kPage != 0) return false;
    chunks_.push_back({at, size});
    chunk_copies_.push_back(copy);
    const auto previous = Load<uint64_t>(copy.data + kChunkPrevious);
    if (std::any_of(chunks_.begin(), chunks_.end(),
                    [previous](const Chunk& c) { return c.address == previous; })) {
      return false;
    }
    at = previous;
  }
  plan->chunks = chunks_;
  plan->chunk_bytes.clear();
  for (size_t i = 0; i < chunks_.size(); ++i) {
    const auto top = Load<uint64_t>(chunk_copies_[i].data + kChunkTop);
    const uint64_t bytes = top <= kMaxChunk ? kChunkData + top * 8 : chunks_[i].size;
    plan->chunk_bytes.push_back(std::min(bytes, chunks_[i].size));
  }
  return true;
}

/// Whether the chain from `from` comes to `wanted` over nothing but frames outside of the chunks.
bool FrameWalk::LeadsTo(uint64_t from, uint64_t wanted) const {
  for (int hop = 0; hop < kMaxHops && from != wanted; ++hop) {
    FrameHead head{};
    Place place{};
    if (from == 0 || PlaceOf(from, &place) || !HeadWithoutRead(from, &head)) return false;
    from = head.previous;
  }
  return from == wanted;
}

/// The innermost frame by the copied chunk: from the innermost frame that was alive at or below
/// `current`, upwards over every frame that stands where its caller's ends and leads back to it.
uint64_t FrameWalk::Top(uint64_t current) {
  LoopGuard loop;
  FrameHead head{};
  Place place{};
  uint64_t at = current;
  while (true) {
    if (at == 0 || at == base_frame_ || !Head(at, &head)) return current;
    if (head.owner < kOwnedByInterpreter && codes_->Find(head.executable) != nullptr) break;
    if (loop.Loops(at)) return current;
    at = head.previous;
  }
  if (!PlaceOf(at, &place)) return at;
  if (!sizes_->Trusted()) return at;
  const Segment& copy = chunk_copies_[place.chunk];
  while (true) {
    const uint32_t bytes = codes_->FrameBytes(head.executable);
    if (bytes == 0) return at;
    const uint64_t next = at + bytes;
    FrameHead above{};
    if (copy.At(next, head_size_) == nullptr || !HeadWithoutRead(next, &above)) return at;
    if (above.executable == 0 || above.owner != kOwnedByThread || !LeadsTo(above.previous, at) ||
        codes_->FrameBytes(above.executable) == 0) {
      return at;
    }
    at = next;
    head = above;
  }
}

/// Appends, leaf first, the frames that stand on the data stack from its base up to below `limit`
/// (all of them without one), each beginning where the one below ends.
bool FrameWalk::RecoverBelow(const Place* limit, std::vector<RawFrame>* out) {
  if (!sizes_->Trusted() || chunks_.empty()) return false;
  std::vector<RawFrame> found;
  uint64_t below = 0;
  for (size_t i = chunks_.size(); i-- > 0;) {
    // The first word of the oldest chunk is left free, so that no frame is at data[0] of it.
    uint64_t at = chunks_[i].address + kChunkData + (i + 1 == chunks_.size() ? 8 : 0);
    FrameHead head{};
    while (chunk_copies_[i].At(at, head_size_) != nullptr && HeadWithoutRead(at, &head)) {
      const Place place{i, at};
      if (limit != nullptr && !place.Below(*limit)) break;
      if (head.executable == 0 || head.owner != kOwnedByThread) break;
      if (below != 0 && !LeadsTo(head.previous, below)) break;
      const uint32_t bytes = codes_->FrameBytes(head.executable);
      if (bytes == 0) break;
      found.push_back({head.executable, head.instruction});
      below = at;
      at += bytes;
    }
  }
  out->insert(out->end(), found.rbegin(), found.rend());
  return !found.empty();
}

WalkResult FrameWalk::Walk(ThreadPlan* plan, std::span<const Segment> planned,
                           const std::byte* state, std::vector<RawFrame>* out) {
  WalkResult result;
  planned_ = planned;
  outside_.clear();
  base_frame_ =
      layout_.thread.base_frame != 0 ? Load<uint64_t>(state + layout_.thread.base_frame) : 0;
  const auto current = Load<uint64_t>(state + layout_.thread.current_frame);
  if (current == 0 || current == base_frame_) return result;
  const bool has_chunks = LoadChunks(plan, Load<uint64_t>(state + layout_.thread.datastack_chunk));
  if (!has_chunks) {
    chunks_.clear();
    chunk_copies_.clear();
  }

  const bool popped_is_null = layout_.Minor() >= 14;
  const size_t first = out->size();
  Place last{};  // the last frame met on the data stack
  bool any_last = false;
  uint64_t at = popped_is_null ? Top(current) : current;
  LoopGuard loop;
  Reason broken = Reason::kNone;
  while (true) {
    if (at == base_frame_ && base_frame_ != 0) break;
    FrameHead head{};
    if (!Head(at, &head)) {
      broken = Reason::kUnreadable;
      break;
    }
    Place place{};
    const bool on_stack = PlaceOf(at, &place);
    if (!on_stack) {
      if (loop.Loops(at)) {
        broken = Reason::kTruncated;
        break;
      }
      outside_.push_back(at);
    }
    if (head.owner >= kOwnedByInterpreter) {
      if (head.previous == 0) break;  // the first entry: the chain is whole
      at = head.previous;
      continue;
    }
    if (codes_->Find(head.executable) == nullptr || (on_stack && any_last && !place.Below(last)) ||
        (has_chunks && on_stack != (head.owner == kOwnedByThread))) {
      broken = Reason::kMoved;
      break;
    }
    if (out->size() - first >= kMaxFrames) {
      broken = Reason::kTruncated;
      break;
    }
    out->push_back({head.executable, head.instruction});
    if (on_stack) {
      if (!any_last && place.chunk == 0) {
        plan->NoteTop(at - chunks_[0].address + codes_->FrameBytes(head.executable));
      }
      if (any_last && last.chunk == place.chunk) {
        const uint32_t bytes = codes_->FrameBytes(head.executable);
        sizes_->Note(bytes != 0 && at + bytes == last.address);
      }
      last = place;
      any_last = true;
    }
    if (head.previous == 0) {
      broken = head.owner == kOwnedByGenerator ? Reason::kYielded : Reason::kMoved;
      break;
    }
    at = head.previous;
  }

  if (broken == Reason::kTruncated) {
    out->push_back({0, kTruncatedFrame});
    result.Degrade(Quality::kPartial, broken);
  } else if (broken != Reason::kNone) {
    const bool leaf = out->size() > first;
    // The innermost frame was there, but no more when it was copied: what it ran is not known.
    if (!leaf) out->push_back({0, kGoneFrame});
    const bool recovered = RecoverBelow(any_last ? &last : nullptr, out);
    if (!leaf && !recovered) {
      out->resize(first);
      result.Degrade(Quality::kMissed, broken);
    } else {
      const bool whole = leaf && recovered && broken != Reason::kYielded;
      result.Degrade(whole ? Quality::kRepaired : Quality::kPartial, broken);
    }
  }
  plan->NoteOutside(outside_);
  return result;
}

}  // namespace pyprof
