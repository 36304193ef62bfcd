#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "code/code_table.h"
#include "memory/snapshot.h"
#include "runtime/layout.h"
#include "stack/quality.h"
#include "stack/thread_plan.h"

namespace pyprof {

/// Longest chain that is followed, against memory that lies. CPython's own recursion limit is
/// 1000; 4 million frames are 400 MB of data stack.
inline constexpr size_t kMaxFrames = 4u << 20;
/// Most bytes that one sample may fetch outside of the plan.
inline constexpr size_t kMaxFetched = 512u << 20;

/// Says whether `co_framesize`, which CPython does not publish, really tells where the next frame
/// on a data stack begins. Judged on the target itself: wherever a walk meets two neighbours. Some
/// of them did not stand there at the same time.
class FrameSizeVerdict {
 public:
  void Note(bool as_computed) { as_computed ? ++right_ : ++wrong_; }
  bool Trusted() const { return right_ > 0 && right_ / 4 >= wrong_; }

 private:
  uint64_t right_ = 0;
  uint64_t wrong_ = 0;
};

/// Whether the thread can have moved while the snapshot was made.
enum class Motion {
  /// All threads of the process are stopped.
  kStopped,
  /// It should not have, which is proved or refuted afterwards.
  kStill,
  kPossible,
};

/// What one walk found.
struct WalkResult {
  Quality quality = Quality::kExact;
  Reason reason = Reason::kNone;
  /// The links above the first `kept` of the plan's are new: FrameWalk::fresh(), leaf first.
  size_t kept = 0;
  /// The chain was followed down to its root: what of it this sample may doubt, the next proves
  /// anew.
  bool whole = false;
  /// The innermost frame was there, but gone before it could be copied.
  bool leaf_gone = false;
  /// The stack is a greenlet's: it ends where that began, and what switched to it is elsewhere.
  bool greenlet = false;

  void Degrade(Quality to, Reason why) {
    if (to <= quality) return;
    quality = to;
    reason = why;
  }
};

/// Follows one thread's frames through a snapshot.
///
/// Where the top of the stack is decided: by `tstate->current_frame`, the first thing that a sample
/// reads, as long as it can be seen what that frame was: alive, or dead but still standing where it
/// returned. The chunk that holds the frames is copied some hundred nanoseconds later. From 3.14 on
/// it tells by itself which frames live: a popped one has a null executable, and each begins where
/// its caller's ends. So it shows whether the thread moved, and leaves a top where the current
/// frame is gone. On 3.13 a popped frame keeps its executable; there only the instruction tells, if
/// it is one that returns.
///
/// What cannot be proved of a thread that may have moved: on 3.13 everything; later a chain with
/// something above the current frame, or that a second copy shows changed, and what hangs on a
/// generator's frame, which is copied apart from the data stack. Such a chain, though it holds
/// together, is `repaired` at best.
class FrameWalk {
 public:
  FrameWalk(const Layout& layout, CodeTable* codes, FrameSizeVerdict* sizes, Snapshot* snapshot);

  /// Walks the thread whose planned segments are `planned` (as ThreadPlan::AppendRanges orders
  /// them), and teaches the plan. `again`: a second copy of the newest chunk's end; empty where
  /// there is none. `in_python`: it may be in the middle of a call.
  WalkResult Walk(ThreadPlan* plan, std::span<const Segment> planned, const Segment& again,
                  const std::byte* state, Motion motion, bool in_python);

  /// The new links of the last walk, leaf first.
  const std::vector<FrameLink>& fresh() const { return fresh_; }

 private:
  bool Link(uint64_t address, FrameLink* out);
  bool LinkWithoutRead(uint64_t address, FrameLink* out) const;
  size_t HoldDownTo(const std::vector<FrameLink>& links, size_t count) const;
  const std::byte* Find(uint64_t address, uint32_t chunk) const;
  uint32_t ChunkOf(uint64_t address) const;
  bool LoadChunks(ThreadPlan* plan, uint64_t newest);
  bool LoadOlderChunks(ThreadPlan* plan);
  bool BeginsHere();
  bool IsGreenlet(ThreadPlan* plan, const std::byte* state, const WalkResult& result, Motion motion,
                  bool in_python);
  bool PlannedChunksHold(const ThreadPlan& plan, uint64_t newest);
  void CopyWhole(uint32_t chunk);
  void FetchApart(uint64_t address);
  bool Awaits(uint64_t address, uint64_t awaited);
  uint64_t CallerOfYielded(uint64_t address);
  uint64_t Top(const ThreadPlan& plan, uint64_t current);
  bool IsExecuting(uint64_t address) const;
  bool NameReturned(FrameLink* link) const;
  bool StoodStill(const FrameLink& leaf, const Segment& again) const;
  uint64_t ClimbApart(const ThreadPlan& plan, uint64_t from);
  uint64_t Climb(FrameLink from);
  bool LiveOn(uint64_t address, uint64_t below, FrameLink* out);
  bool Runs(const FrameLink& link);
  void ForeseeCodes();
  CodeObject* Code(uint64_t address);
  uint32_t FrameBytesNow(uint64_t address);
  uint64_t FirstFrame(uint32_t chunk) const;
  bool LeadsTo(uint64_t from, uint64_t wanted) const;
  Reason Descend(ThreadPlan* plan, uint64_t from, size_t* kept);
  bool RecoverBelow(const FrameLink* limit);

  const Layout& layout_;
  CodeTable* codes_;
  FrameSizeVerdict* sizes_;
  Snapshot* snapshot_;
  size_t head_size_;

  // Of the walk in progress.
  ThreadPlan* plan_ = nullptr;
  std::span<const Segment> planned_;
  std::vector<Segment> copies_;  // of the chunks, oldest first
  std::vector<Chunk> chunks_;
  mutable uint32_t last_chunk_ = 0;
  std::vector<FrameLink> fresh_;
  std::vector<uint64_t> outside_;
  std::vector<FrameLink> apart_;
  uint64_t base_frame_ = 0;
  uint64_t current_ = 0;
  bool foreseen_ = false;
  /// The newest chunk when the thread state was copied.
  uint64_t newest_ = 0;
  /// Neither the current frame nor any of its callers was there any more.
  bool leaf_lost_ = false;
  /// So it was, and it was a generator's, of which no other was there either.
  bool leaf_unknown_ = false;
  /// The top of the copied chunk is not the frame that was current when the thread state was
  /// copied.
  bool leaf_moved_ = false;
  /// That frame has returned since.
  bool leaf_returned_ = false;
  /// A generator of the chain has yielded since.
  bool has_yielded_ = false;
};

}  // namespace pyprof
