#include "stack/frame_walk.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "memory/load.h"
#include "stack/suspended_stack.h"

namespace pyprof {
namespace {

// _PyStackChunk (Include/internal/pycore_pystate.h): previous, size, top (words, valid only in
// chunks below the newest), data.
constexpr uint64_t kChunkPrevious = 0;
constexpr uint64_t kChunkSize = 8;
constexpr uint64_t kChunkTop = 16;
constexpr uint64_t kChunkData = 24;
/// DATA_STACK_CHUNK_SIZE.
constexpr uint64_t kDefaultChunk = 16 * 1024;
constexpr uint64_t kMaxChunk = 64u << 20;
constexpr uint64_t kPage = 4096;
/// A chunk is 16 KiB unless one frame needs more: enough for a million frames.
constexpr size_t kMaxChunks = 1u << 13;
/// Frames outside of the chunks that may lie between two frames on the data stack when a chain is
/// followed upwards.
constexpr int kMaxHops = 64;
/// What is fetched of a frame outside of the chunks, so that mostly its stack is among it.
constexpr size_t kApartBytes = 512;
/// Frames of a chain whose code is read together before it is walked; of deeper ones the rest is
/// read together after that.
constexpr int kForeseen = 64;

/// Where the frame stands in a generator (_PyGenObject_HEAD, Include/internal/pycore_genobject.h),
/// which 3.13 does not publish.
constexpr uint64_t kFrameInGenerator13 = 72;
/// Nor where a frame's stack ends: `stacktop`, a count of words, stands right before
/// return_offset and owner (_PyInterpreterFrame, Include/internal/pycore_frame.h).
constexpr uint64_t kStackTopBeforeOwner = 6;

// Words of PyThreadState (Include/cpython/pystate.h) that are not published, from current_frame
// back: py_recursion_remaining, and py_recursion_limit right behind it. They cannot move within a
// minor version, whose extension modules have them compiled in.
constexpr uint64_t kRecursionBefore13 = 28;
constexpr uint64_t kRecursionBefore14 = 24;
constexpr int32_t kMaxRecursionLimit = 1 << 30;
/// By how many samples of a thread that may have moved, those that say that a stack is a greenlet's
/// must exceed those that deny it: at the beginning, and in a thread that is known to have some.
constexpr int kDecided = 5;
constexpr int kDecidedAmongGreenlets = 2;

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

/// Bytes in use at the start of a chunk that is not the newest.
uint64_t LiveBytes(const Segment& copy, uint64_t size) {
  const auto top = Load<uint64_t>(copy.data + kChunkTop);
  return top <= kMaxChunk ? std::min(kChunkData + top * 8, size) : size;
}

/// Whether `a` lies nearer to the root than `b`; both are on the data stack.
bool IsBelow(const FrameLink& a, const FrameLink& b) {
  return a.chunk < b.chunk || (a.chunk == b.chunk && a.address < b.address);
}

}  // namespace

FrameWalk::FrameWalk(const Layout& layout, CodeTable* codes, FrameSizeVerdict* sizes,
                     Snapshot* snapshot)
    : layout_(layout), codes_(codes), sizes_(sizes), snapshot_(snapshot) {
  head_size_ =
      std::max({layout.frame.executable + 8, layout.frame.previous + 8, layout.frame.instr_ptr + 8,
                layout.frame.owner + 1, layout.frame.stackpointer + 8});
}

uint32_t FrameWalk::ChunkOf(uint64_t address) const {
  const auto holds = [this, address](uint32_t i) {
    return address - chunks_[i].address < chunks_[i].size;
  };
  const auto count = static_cast<uint32_t>(chunks_.size());
  if (last_chunk_ < count && holds(last_chunk_)) return last_chunk_;
  if (last_chunk_ > 0 && last_chunk_ <= count && holds(last_chunk_ - 1)) return --last_chunk_;
  for (uint32_t i = count; i-- > 0;) {
    if (holds(i)) return last_chunk_ = i;
  }
  return kOutside;
}

const std::byte* FrameWalk::Find(uint64_t address, uint32_t chunk) const {
  if (chunk != kOutside) return copies_[chunk].At(address, head_size_);
  for (const Segment& segment : planned_) {
    if (const std::byte* found = segment.At(address, head_size_)) return found;
  }
  return snapshot_->FindFetched(address, head_size_);
}

bool FrameWalk::LinkWithoutRead(uint64_t address, FrameLink* out) const {
  const uint32_t chunk = ChunkOf(address);
  const std::byte* bytes = Find(address, chunk);
  if (bytes == nullptr) return false;
  *out = {address,
          Load<uint64_t>(bytes + layout_.frame.executable) & ~kTagBits,
          Load<uint64_t>(bytes + layout_.frame.previous),
          Load<uint64_t>(bytes + layout_.frame.instr_ptr),
          chunk,
          Load<uint8_t>(bytes + layout_.frame.owner)};
  if (out->owner >= kOwnedByInterpreter) out->code = 0;
  return true;
}

/// How far down the first `count` links are in the bytes of this snapshot as they were: links
/// `[result, count)` are. This is what a sample of a deep stack costs.
size_t FrameWalk::HoldDownTo(const std::vector<FrameLink>& links, size_t count) const {
  const auto executable = layout_.frame.executable;
  const auto previous = layout_.frame.previous;
  const auto instr_ptr = layout_.frame.instr_ptr;
  const auto owner = layout_.frame.owner;
  uint32_t chunk = kOutside;
  Segment copy{};
  while (count > 0) {
    const FrameLink& link = links[count - 1];
    if (link.chunk != chunk) {
      if (link.chunk != kOutside && link.chunk >= copies_.size()) break;
      chunk = link.chunk;
      if (chunk != kOutside) copy = copies_[chunk];
    }
    const std::byte* bytes =
        chunk == kOutside ? Find(link.address, kOutside) : copy.At(link.address, head_size_);
    if (bytes == nullptr || Load<uint64_t>(bytes + instr_ptr) != link.instruction ||
        Load<uint64_t>(bytes + previous) != link.previous ||
        Load<uint8_t>(bytes + owner) != link.owner ||
        (link.owner < kOwnedByInterpreter &&
         (Load<uint64_t>(bytes + executable) & ~kTagBits) != link.code)) {
      break;
    }
    --count;
  }
  return count;
}

bool FrameWalk::Link(uint64_t address, FrameLink* out) {
  if (LinkWithoutRead(address, out)) return true;
  if (address % 8 != 0 || snapshot_->fetched_bytes() > kMaxFetched) return false;
  const uint32_t chunk = ChunkOf(address);
  if (chunk != kOutside) {
    CopyWhole(chunk);
    return LinkWithoutRead(address, out);
  }
  FetchApart(address);
  if (LinkWithoutRead(address, out)) return true;
  snapshot_->Fetch(address, head_size_);
  return LinkWithoutRead(address, out);
}

/// Fetches a frame outside of the chunks, and with it those that called it the last time:
/// coroutines that await one another run for some microseconds, and yield together.
void FrameWalk::FetchApart(uint64_t address) {
  std::vector<Range> ranges;
  FrameLink link{};
  for (uint64_t at = address; ranges.size() < kMaxHops && at % 8 == 0 && at != 0;) {
    if (ChunkOf(at) != kOutside || LinkWithoutRead(at, &link)) break;
    ranges.push_back({at, kApartBytes});
    at = plan_->CallerOf(at);
  }
  snapshot_->FetchAll(ranges);
}

/// Whether a generator's frame is suspended where it awaits the one at `awaited`, or yields from
/// it.
bool FrameWalk::Awaits(uint64_t address, uint64_t awaited) {
  const std::byte* frame = Find(address, kOutside);
  if (frame == nullptr) return false;
  uint64_t top = 0;
  if (layout_.frame.stackpointer != 0) {
    top = Load<uint64_t>(frame + layout_.frame.stackpointer);
  } else {
    const auto words = Load<int32_t>(frame + layout_.frame.owner - kStackTopBeforeOwner);
    top = address + layout_.frame.localsplus + static_cast<uint64_t>(int64_t{words} * 8);
  }
  const uint64_t used = top - address - layout_.frame.localsplus;
  uint64_t words[2] = {0, 0};
  if (!IsStackInUse(used)) return false;
  const uint64_t from = top - sizeof(words);
  const std::byte* copied = snapshot_->FindFetched(address, top - address);
  if (copied != nullptr) {
    std::memcpy(words, copied + (from - address), sizeof(words));
  } else {
    const Segment fetched = snapshot_->Fetch(from, sizeof(words));
    if (fetched.size < sizeof(words)) return false;
    std::memcpy(words, fetched.data, sizeof(words));
  }
  const uint64_t object =
      awaited - (layout_.Minor() == 13 ? kFrameInGenerator13 : layout_.generator.gi_iframe);
  return TopOfStack(words, used) == object;
}

/// What called a generator that has yielded since the leaf was seen on it: what did so the last
/// time, if that still waits for it. C code that did, and its entry frame, may be gone by then;
/// what had called that stands on the data stack. 0 when it is not known.
uint64_t FrameWalk::CallerOfYielded(uint64_t address) {
  const uint64_t caller = plan_->CallerOf(address);
  FrameLink link{};
  if (caller == 0 || !Link(caller, &link) || link.chunk != kOutside) return 0;
  if (link.owner == kOwnedByGenerator) return Awaits(caller, address) ? caller : 0;
  const bool is_entry = link.owner >= kOwnedByInterpreter && link.owner <= kLastOwner;
  if (is_entry && link.previous != 0) return caller;
  const uint64_t below = plan_->CallerOf(caller);
  return below != 0 && ChunkOf(below) != kOutside ? below : 0;
}

void FrameWalk::CopyWhole(uint32_t chunk) {
  if (copies_[chunk].size >= chunks_[chunk].size) return;
  const Segment whole = snapshot_->Fetch(chunks_[chunk].address, chunks_[chunk].size);
  if (whole.size > copies_[chunk].size) copies_[chunk] = whole;
}

/// Whether the chunks are those of the plan, as their copied headers say; sets copies_ then.
bool FrameWalk::PlannedChunksHold(const ThreadPlan& plan, uint64_t newest) {
  const size_t count = plan.chunks.size();
  if (count == 0 || planned_.size() < 1 + count + plan.spares.size() ||
      plan.chunks.back().address != newest)
    return false;
  copies_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    // The newest behind the thread state; the older ones newest first, then the spare ones.
    const size_t from_end = plan.spares.size() + 1 + i;
    const Segment& copy = planned_[i + 1 == count ? 1 : planned_.size() - from_end];
    const Chunk& chunk = plan.chunks[i];
    if (copy.address != chunk.address || copy.size < kChunkData ||
        Load<uint64_t>(copy.data + kChunkSize) != chunk.size ||
        Load<uint64_t>(copy.data + kChunkPrevious) != (i == 0 ? 0 : plan.chunks[i - 1].address)) {
      return false;
    }
    copies_[i] = copy;
  }
  return true;
}

/// Establishes chunks_ and their copies: those of the plan, else fetched from the newest on. False
/// when the chunks are not what they should be; frames are then read one by one.
bool FrameWalk::LoadChunks(ThreadPlan* plan, uint64_t newest) {
  if (PlannedChunksHold(*plan, newest)) {
    for (size_t i = 0; i + 1 < copies_.size(); ++i) {
      const uint64_t live = LiveBytes(copies_[i], plan->chunks[i].size);
      if (live == plan->chunks[i].bytes) continue;
      plan->chunks[i].bytes = live;
      plan->changed = true;
    }
    chunks_ = plan->chunks;
    return true;
  }
  chunks_.clear();
  copies_.clear();
  for (uint64_t at = newest; at != 0;) {
    if (at % kPage != 0 || chunks_.size() >= kMaxChunks) return false;
    Segment copy{at, 0, nullptr};
    for (const Segment& segment : planned_) {
      if (segment.address == at && segment.size >= kChunkData) copy = segment;
    }
    if (copy.data == nullptr) copy = snapshot_->Fetch(at, kDefaultChunk);
    if (copy.size < kChunkData || snapshot_->fetched_bytes() > kMaxFetched) return false;
    const auto size = Load<uint64_t>(copy.data + kChunkSize);
    if (size < kDefaultChunk || size > kMaxChunk || size % kPage != 0) return false;
    chunks_.push_back({at, size, LiveBytes(copy, size)});
    copies_.push_back(copy);
    at = Load<uint64_t>(copy.data + kChunkPrevious);
  }
  std::reverse(chunks_.begin(), chunks_.end());
  std::reverse(copies_.begin(), copies_.end());
  if (!chunks_.empty()) chunks_.back().bytes = std::min(kPage, chunks_.back().size);
  if (chunks_.empty()) return false;
  if (plan->root_chunk != 0 && chunks_.front().address != plan->root_chunk && !BeginsHere()) {
    return false;
  }
  plan->NoteChunks(chunks_);
  return true;
}

/// Whether the chain from `from` comes to `wanted` over nothing but frames outside of the chunks.
bool FrameWalk::LeadsTo(uint64_t from, uint64_t wanted) const {
  for (int hop = 0; hop < kMaxHops && from != wanted; ++hop) {
    FrameLink link{};
    if (from == 0 || !LinkWithoutRead(from, &link) || link.chunk != kOutside) return false;
    from = link.previous;
  }
  return from == wanted;
}

/// The newest chunk was let go between the reading of the thread state and that of the chunk: what
/// was below it is still there.
bool FrameWalk::LoadOlderChunks(ThreadPlan* plan) {
  std::vector<Chunk> known = plan->chunks;
  while (!known.empty()) {
    if (LoadChunks(plan, known.back().address)) return true;
    known.pop_back();
  }
  return false;
}

/// Whether a stack begins in the oldest chunk: its first frame was called by nothing but C. That of
/// a chunk which CPython has put aside was called from the chunk below.
bool FrameWalk::BeginsHere() {
  FrameLink link{};
  last_chunk_ = 0;
  if (!LinkWithoutRead(FirstFrame(0), &link) || link.chunk == kOutside || link.code == 0 ||
      link.owner != kOwnedByThread) {
    return false;
  }
  uint64_t at = link.previous;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    if (at == 0 || at == base_frame_) return hop > 0;
    if (!Link(at, &link) || link.chunk != kOutside || link.owner < kOwnedByInterpreter) break;
    at = link.previous;
  }
  return false;
}

/// Whether a whole chain is that of a greenlet. 3.15 begins every thread with its base frame, which
/// a greenlet lacks. Before, a thread counts how deep its calls are, and a greenlet begins with the
/// count of its parent: deeper than its own frames.
bool FrameWalk::IsGreenlet(ThreadPlan* plan, const std::byte* state, const WalkResult& result,
                           Motion motion, bool in_python) {
  if (chunks_.empty() || (result.kept == 0 && fresh_.empty())) return false;
  if (base_frame_ != 0) {
    const FrameLink& root = result.kept > 0 ? plan->links.front() : fresh_.back();
    return root.previous != base_frame_;
  }
  RootVerdict& verdict = plan->VerdictOn(chunks_.front().address);
  if (std::abs(verdict.score) >= kDecided) return verdict.score > 0;
  const uint64_t before = layout_.Minor() == 13 ? kRecursionBefore13 : kRecursionBefore14;
  if (layout_.Minor() > 14 || layout_.thread.current_frame < before) return false;
  const std::byte* words = state + layout_.thread.current_frame - before;
  const auto remaining = Load<int32_t>(words);
  const auto limit = Load<int32_t>(words + 4);
  if (limit <= 0 || limit > kMaxRecursionLimit || remaining > limit ||
      remaining < -kMaxRecursionLimit) {
    return false;
  }
  const auto is_frame = [](const FrameLink& link) { return link.code != 0; };
  const auto kept_end = plan->links.begin() + static_cast<ptrdiff_t>(result.kept);
  const auto frames = std::count_if(plan->links.begin(), kept_end, is_frame) +
                      std::count_if(fresh_.begin(), fresh_.end(), is_frame);
  const int64_t deeper = int64_t{limit} - remaining - frames;
  // A call that is being entered or left may be counted without its frame, or the other way round,
  // but never more than one.
  const bool beyond_doubt =
      !in_python || (motion == Motion::kStopped && (deeper > 1 || deeper < 0));
  if (beyond_doubt) {
    verdict.score = deeper > 0 ? kDecided : -kDecided;
  } else if (deeper <= 0) {
    --verdict.score;
  } else {
    verdict.score = deeper == verdict.deeper ? verdict.score + 1 : std::min(verdict.score, 0) + 1;
    verdict.deeper = deeper;
  }
  const bool is_greenlet =
      verdict.score >= (plan->has_greenlets ? kDecidedAmongGreenlets : kDecided);
  plan->has_greenlets = plan->has_greenlets || is_greenlet;
  return is_greenlet;
}

/// Where the first frame of a chunk stands. The first word of the oldest chunk is left free, so
/// that no frame is at data[0] of it.
uint64_t FrameWalk::FirstFrame(uint32_t chunk) const {
  return chunks_[chunk].address + kChunkData + (chunk == 0 ? 8 : 0);
}

/// Reads whatever code of the current frame and its callers is not known as it is now, all at once:
/// what lives for a tenth of a millisecond has a name only if that is read by then.
void FrameWalk::ForeseeCodes() {
  foreseen_ = true;
  std::vector<uint64_t> codes;
  FrameLink link{};
  uint64_t at = current_;
  for (int hop = 0; hop < kForeseen && at != 0 && LinkWithoutRead(at, &link); ++hop) {
    if (link.code != 0 && !codes_->IsCurrent(link.code)) codes.push_back(link.code);
    at = link.previous;
  }
  codes_->Foresee(codes);
}

/// The code object at the address, read when it is not known; null when there is none.
CodeObject* FrameWalk::Code(uint64_t address) {
  if (!foreseen_ && codes_->Get(address) == nullptr) ForeseeCodes();
  return codes_->Find(address);
}

/// Bytes of a frame of the code that is at the address now; 0 when that is not known.
uint32_t FrameWalk::FrameBytesNow(uint64_t address) {
  if (!foreseen_ && !codes_->IsCurrent(address)) ForeseeCodes();
  return codes_->CurrentFrameBytes(address);
}

/// Whether a live frame stands at the address that leads back to `below` (0: whatever it leads to).
bool FrameWalk::LiveOn(uint64_t address, uint64_t below, FrameLink* out) {
  return LinkWithoutRead(address, out) && out->chunk != kOutside && out->code != 0 &&
         out->owner == kOwnedByThread && (below == 0 || LeadsTo(out->previous, below)) &&
         Code(out->code) != nullptr;
}

/// Whether a frame that stands above the current one runs. It is pushed before its arguments are
/// bound, and entered after that; the caller runs until then, and again while the frame that
/// returns is cleared. The frame from which a generator was made keeps its executable when it is
/// popped.
bool FrameWalk::Runs(const FrameLink& link) {
  CodeObject* code = Code(link.code);
  if (code == nullptr || code->makes_generator) return false;
  uint64_t instruction = link.instruction;
  if (layout_.free_threaded) {
    const int64_t unit = codes_->UnitOf(link.code, code, instruction).value_or(0);
    instruction = code->first_unit + 2 * static_cast<uint64_t>(std::max<int64_t>(unit, 0));
  }
  return instruction > code->first_unit && !code->ReturnsAt(instruction);
}

/// From a live frame upwards over every frame that stands where its caller's ends, or at the
/// beginning of the next chunk, and leads back to it.
uint64_t FrameWalk::Climb(FrameLink from) {
  while (true) {
    const uint32_t bytes = FrameBytesNow(from.code);
    FrameLink above{};
    if (bytes == 0) return from.address;
    if (!LiveOn(from.address + bytes, from.address, &above) || above.chunk != from.chunk) {
      const uint32_t next = from.chunk + 1;
      if (next >= chunks_.size() || !LiveOn(FirstFrame(next), from.address, &above)) {
        return from.address;
      }
    }
    if (!Runs(above)) return from.address;
    from = above;
  }
}

/// From a frame upwards over those outside of the chunks that the plan knows, live and lead back to
/// it, to the innermost of a generator.
uint64_t FrameWalk::ClimbApart(const ThreadPlan& plan, uint64_t from) {
  apart_.clear();
  for (const uint64_t at : plan.outside) {
    FrameLink link{};
    if (!LinkWithoutRead(at, &link) || link.previous == 0) continue;
    const bool runs =
        link.owner == kOwnedByGenerator && link.code != 0 && Code(link.code) != nullptr;
    if (runs || link.owner >= kOwnedByInterpreter) apart_.push_back(link);
  }
  const auto by_previous = [](const FrameLink& link) { return link.previous; };
  std::ranges::sort(apart_, {}, by_previous);
  uint64_t top = from;
  for (size_t hop = 0; hop < apart_.size(); ++hop) {
    const auto above = std::ranges::lower_bound(apart_, from, {}, by_previous);
    if (above == apart_.end() || above->previous != from) break;
    from = above->address;
    if (above->code != 0) top = from;
  }
  return top;
}

/// Whether the copy shows that a frame executes its own instructions: the interpreter has taken its
/// stack pointer out of it, and puts it back for every call (_PyFrame_GetStackPointer).
bool FrameWalk::IsExecuting(uint64_t address) const {
  const std::byte* bytes = Find(address, ChunkOf(address));
  return bytes != nullptr && Load<uint64_t>(bytes + layout_.frame.stackpointer) == 0;
}

/// Names the code of a frame that has returned since the thread state was copied: its executable is
/// null, but it still stands on the instruction that it left. False when it has not, or when
/// something else stands there by now.
bool FrameWalk::NameReturned(FrameLink* link) const {
  if (link->code != 0 || link->owner >= kOwnedByInterpreter) return false;
  link->code = codes_->Holding(link->instruction);
  return link->code != 0;
}

/// The innermost frame of a thread that may have moved: the one that was current, as long as it can
/// be seen what it was. It is the first thing that a sample touches. What else is found depends on
/// how long it stands: each line that is read has to be taken from the processor that writes it,
/// whose next writes wait for it and then come all at once, so that short calls cannot be seen
/// there. Else the innermost frame by the copied chunks: upwards from the innermost that was alive
/// below the current one; from the root, where none of those can be seen any more. What is found so
/// may have called a generator, whose frame is elsewhere.
uint64_t FrameWalk::Top(const ThreadPlan& plan, uint64_t current) {
  LoopGuard loop;
  FrameLink link{};
  uint64_t at = current;
  bool is_leaf = true;
  while (at != 0 && at != base_frame_ && Link(at, &link) && !loop.Loops(at)) {
    // A frame of the thread's own outside of its chunks is in one that was let go.
    const bool in_place =
        chunks_.empty() || (link.chunk != kOutside) == (link.owner == kOwnedByThread);
    if (in_place && link.owner < kOwnedByInterpreter) {
      leaf_returned_ = is_leaf && NameReturned(&link);
      if (link.code != 0 && Code(link.code) != nullptr) {
        const bool climbs = !leaf_returned_ && link.chunk != kOutside && sizes_->Trusted();
        // Before 3.14 nothing is proved so, since what returned looks alive.
        if (is_leaf) {
          leaf_moved_ = climbs && layout_.Minor() >= 14 && Climb(link) != at;
          return at;
        }
        leaf_moved_ = true;
        return ClimbApart(plan, climbs ? Climb(link) : at);
      }
      is_leaf = false;
    }
    at = link.previous;
  }
  const bool root = sizes_->Trusted() && !chunks_.empty() && LiveOn(FirstFrame(0), 0, &link);
  if (!root) return current;
  leaf_lost_ = true;
  const uint64_t top = Climb(link);
  const uint64_t apart = ClimbApart(plan, top);
  // A generator ran, and it cannot be seen which: that is not the time of who called it, unless
  // that one runs again.
  const auto held = [current](const Chunk& chunk) { return current - chunk.address < chunk.size; };
  const bool was_on_stack = ChunkOf(current) != kOutside || current - newest_ < kDefaultChunk ||
                            std::any_of(plan.spares.begin(), plan.spares.end(), held);
  leaf_unknown_ = apart == top && !was_on_stack && !IsExecuting(top);
  return apart;
}

/// Follows `previous` from the top to the root. What this snapshot shows just as the plan has it,
/// down to the root, is kept there (`*kept` links); the rest goes to fresh_.
Reason FrameWalk::Descend(ThreadPlan* plan, uint64_t from, size_t* kept) {
  LoopGuard loop;
  bool returned = leaf_returned_;
  FrameLink last{};  // the last one on the data stack
  bool any_last = false;
  bool under_generator = false;
  size_t candidate = plan->links.size();
  uint64_t at = from;
  *kept = 0;
  // The chain is whole when its lowest frame stands where the data stack begins: memory of an entry
  // frame that is gone may look like the first entry.
  const auto whole = [this, &any_last, &last] {
    return chunks_.empty() || !any_last || last.address == FirstFrame(0);
  };
  while (at != base_frame_ || base_frame_ == 0) {
    FrameLink link{};
    if (!Link(at, &link)) return Reason::kUnreadable;
    returned = returned && NameReturned(&link);

    // Join the known chain where it holds this very link, and stay on it as long as it holds.
    while (candidate > 0 && plan->links[candidate - 1].address != at) {
      const FrameLink& known = plan->links[candidate - 1];
      const bool passed = known.chunk == kOutside || link.chunk == kOutside || IsBelow(link, known);
      if (!passed) break;
      // A frame outside says nothing of where it stands: look further, but keep the place.
      if (link.chunk == kOutside && known.chunk != kOutside) break;
      --candidate;
    }
    if (candidate > 0 && plan->links[candidate - 1] == link) {
      const size_t holds = HoldDownTo(plan->links, candidate - 1);
      if (holds == 0) {
        *kept = candidate;
        return Reason::kNone;
      }
      for (size_t i = candidate; i-- > holds;) {
        fresh_.push_back(plan->links[i]);
        if (plan->links[i].chunk == kOutside) outside_.push_back(plan->links[i].address);
      }
      const FrameLink& lowest = plan->links[holds];
      for (size_t i = holds; i < candidate; ++i) {
        if (plan->links[i].chunk == kOutside) continue;
        last = plan->links[i];
        any_last = true;
        break;
      }
      candidate = holds;
      at = lowest.previous;
      if (at == 0) return whole() ? Reason::kNone : Reason::kMoved;
      continue;
    }

    if (link.chunk == kOutside) {
      if (loop.Loops(at)) return Reason::kTruncated;
      outside_.push_back(at);
    }
    if (link.owner >= kOwnedByInterpreter) {
      if (link.chunk != kOutside) return Reason::kMoved;
      fresh_.push_back(link);
      if (under_generator && link.owner <= kLastOwner) plan->NoteCaller(at, link.previous);
      under_generator = false;
      // A thread that has a base frame ends there, and a greenlet has frames.
      const bool is_alone = base_frame_ != 0 && !any_last;
      if (link.previous == 0) return whole() && !is_alone ? Reason::kNone : Reason::kMoved;
      at = link.previous;
      continue;
    }
    const bool on_stack = link.chunk != kOutside;
    if ((on_stack && any_last && !IsBelow(link, last)) ||
        (!chunks_.empty() && on_stack != (link.owner == kOwnedByThread))) {
      return Reason::kMoved;
    }
    const CodeObject* code = link.code != 0 ? Code(link.code) : nullptr;
    if (code == nullptr) return Reason::kMoved;
    if (fresh_.size() >= kMaxFrames) return Reason::kTruncated;
    if (on_stack && any_last && last.chunk == link.chunk) {
      bool adjacent = code->frame_bytes != 0 && at + code->frame_bytes == last.address;
      if (!adjacent) adjacent = at + FrameBytesNow(link.code) == last.address;
      // What stands below a frame that has returned may have come after it.
      if (!leaf_returned_) sizes_->Note(adjacent);
      if (!adjacent && sizes_->Trusted()) return Reason::kMoved;
    }
    fresh_.push_back(link);
    under_generator = false;
    if (on_stack) {
      last = link;
      any_last = true;
    }
    if (link.previous == 0) {
      if (link.owner != kOwnedByGenerator) return Reason::kMoved;
      link.previous = CallerOfYielded(at);
      if (link.previous == 0) return Reason::kYielded;
      has_yielded_ = true;
    } else if (link.owner == kOwnedByGenerator) {
      plan->NoteCaller(at, link.previous);
      under_generator = true;
    }
    at = link.previous;
  }
  return whole() ? Reason::kNone : Reason::kMoved;
}

/// Appends to fresh_, leaf first, the frames that stand on the data stack from its base up to below
/// `limit` (all of them without one), each beginning where the one below ends.
bool FrameWalk::RecoverBelow(const FrameLink* limit) {
  if (!sizes_->Trusted() || chunks_.empty()) return false;
  // Before 3.14 a popped frame looks alive; only what lies below a live one is sure to live, and
  // the root as long as anything runs.
  const bool root_only = limit == nullptr && layout_.Minor() < 14;
  std::vector<FrameLink> found;
  for (uint32_t i = 0; i < chunks_.size(); ++i) {
    if (root_only && i > 0) break;
    uint64_t at = FirstFrame(i);
    const uint64_t end =
        chunks_[i].address +
        (i + 1 < chunks_.size() ? LiveBytes(copies_[i], chunks_[i].size) : chunks_[i].size);
    FrameLink link{};
    while (at < end && copies_[i].At(at, head_size_) != nullptr && LinkWithoutRead(at, &link)) {
      if (limit != nullptr && !IsBelow(link, *limit)) break;
      if (link.code == 0 || link.owner != kOwnedByThread) break;
      if (!found.empty() && !LeadsTo(link.previous, found.back().address)) break;
      const uint32_t bytes = FrameBytesNow(link.code);
      if (bytes == 0) break;
      found.push_back(link);
      if (root_only) break;
      at += bytes;
    }
  }
  fresh_.insert(fresh_.end(), found.rbegin(), found.rend());
  return !found.empty();
}

/// Whether a second copy of the newest chunk's end shows the leaf where it was, on callers that did
/// not move: none of them does anything before it returns. The copy of a chunk takes some
/// nanoseconds, in which a processor may bring forth many writes that it had to hold back.
bool FrameWalk::StoodStill(const FrameLink& leaf, const Segment& again) const {
  if (leaf.chunk + 1 != chunks_.size()) return false;
  const std::byte* now = again.At(leaf.address, head_size_);
  const std::byte* then = Find(leaf.address, leaf.chunk);
  if (now == nullptr || then == nullptr) return false;
  const auto same = [now, then](uint64_t at) {
    return Load<uint64_t>(now + at) == Load<uint64_t>(then + at);
  };
  const auto below = static_cast<size_t>(now - again.data);
  return same(layout_.frame.executable) && same(layout_.frame.previous) &&
         std::memcmp(again.data, then - below, below) == 0;
}

WalkResult FrameWalk::Walk(ThreadPlan* plan, std::span<const Segment> planned, const Segment& again,
                           const std::byte* state, Motion motion, bool in_python) {
  WalkResult result;
  planned_ = planned;
  leaf_lost_ = false;
  leaf_moved_ = false;
  leaf_returned_ = false;
  leaf_unknown_ = false;
  has_yielded_ = false;
  plan_ = plan;
  fresh_.clear();
  outside_.clear();
  base_frame_ =
      layout_.thread.base_frame != 0 ? Load<uint64_t>(state + layout_.thread.base_frame) : 0;
  const auto current = Load<uint64_t>(state + layout_.thread.current_frame);
  if (current == 0 || current == base_frame_) {
    plan->links.clear();
    return result;
  }
  current_ = current;
  foreseen_ = false;
  newest_ = Load<uint64_t>(state + layout_.thread.datastack_chunk);
  const bool loaded = LoadChunks(plan, newest_) || LoadOlderChunks(plan);
  if (!loaded) {
    chunks_.clear();
    copies_.clear();
  }
  last_chunk_ = chunks_.empty() ? 0 : static_cast<uint32_t>(chunks_.size() - 1);

  const bool popped_is_null = layout_.Minor() >= 14;
  const bool moving = motion == Motion::kPossible;
  const Reason broken = Descend(plan, moving ? Top(*plan, current) : current, &result.kept);

  const auto on_stack = [](const FrameLink& link) { return link.chunk != kOutside; };
  const auto top = std::find_if(fresh_.begin(), fresh_.end(), on_stack);
  const FrameLink* highest = top != fresh_.end() ? &*top : nullptr;
  for (size_t i = result.kept; highest == nullptr && i-- > 0;) {
    if (on_stack(plan->links[i])) highest = &plan->links[i];
  }
  if (highest != nullptr && highest->chunk + 1 == chunks_.size()) {
    plan->NoteTop(highest->address - chunks_.back().address + codes_->FrameBytes(highest->code));
  }

  if (leaf_lost_) {
    result.Degrade(leaf_unknown_ ? Quality::kPartial : Quality::kRepaired, Reason::kMoved);
  }
  result.leaf_gone = leaf_unknown_;
  if (leaf_returned_) result.Degrade(Quality::kRepaired, Reason::kMoved);
  if (leaf_moved_) result.Degrade(Quality::kRepaired, Reason::kUnproved);
  if (broken == Reason::kNone) {
    result.whole = !has_yielded_;
    if (has_yielded_) result.Degrade(Quality::kRepaired, Reason::kYielded);
    result.greenlet = IsGreenlet(plan, state, result, motion, in_python);
    if (!chunks_.empty() && highest != nullptr) plan->root_chunk = chunks_.front().address;
    if (result.kept == 0 || !fresh_.empty()) {
      for (size_t i = 0; i < result.kept; ++i) {
        if (!on_stack(plan->links[i])) outside_.push_back(plan->links[i].address);
      }
      plan->NoteOutside(outside_);
    }
    const auto apart = [](const FrameLink& link) { return link.owner == kOwnedByGenerator; };
    if (moving && (!popped_is_null || std::any_of(fresh_.begin(), fresh_.end(), apart) ||
                   std::any_of(plan->links.begin(),
                               plan->links.begin() + static_cast<ptrdiff_t>(result.kept), apart))) {
      result.Degrade(Quality::kRepaired, Reason::kUnproved);
    }
    const FrameLink* leaf = !fresh_.empty() ? &fresh_.front() : nullptr;
    if (leaf == nullptr && result.kept > 0) leaf = &plan->links[result.kept - 1];
    if (moving && again.size > 0 && leaf != nullptr && !StoodStill(*leaf, again)) {
      result.Degrade(Quality::kRepaired, Reason::kUnproved);
    }
    return result;
  }

  result.kept = 0;
  plan->NoteOutside(outside_);
  if (broken == Reason::kTruncated) {
    result.Degrade(Quality::kPartial, broken);
    return result;
  }
  const bool leaf = std::any_of(fresh_.begin(), fresh_.end(),
                                [](const FrameLink& link) { return link.code != 0; });
  const auto lowest = std::find_if(fresh_.rbegin(), fresh_.rend(), on_stack);
  const FrameLink limit = lowest != fresh_.rend() ? *lowest : FrameLink{};
  const bool recovered = RecoverBelow(lowest != fresh_.rend() ? &limit : nullptr);
  result.leaf_gone = !leaf;
  if (!leaf && !recovered) {
    result.Degrade(Quality::kMissed, broken);
  } else {
    const bool whole = leaf && recovered && broken != Reason::kYielded;
    result.Degrade(whole ? Quality::kRepaired : Quality::kPartial, broken);
  }
  return result;
}

}  // namespace pyprof
