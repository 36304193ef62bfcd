#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "code/code_table.h"
#include "runtime/layout.h"
#include "stack/quality.h"
#include "stack/snapshot.h"
#include "stack/thread_plan.h"

namespace pyprof {

/// Longest chain that is followed, against memory that lies. CPython's own recursion limit is
/// 1000; 4 million frames are 400 MB of data stack.
inline constexpr size_t kMaxFrames = 4u << 20;
/// Most bytes that one thread's sample may fetch outside of the plan.
inline constexpr size_t kMaxFetched = 512u << 20;

/// The words of an interpreter frame that a walk needs.
struct FrameHead {
  uint64_t executable;  // without tag bits; 0: the frame is dead
  uint64_t previous;
  uint64_t instruction;
  uint8_t owner;
};

// Values of _frameowner (Include/internal/pycore_interpframe_structs.h).
inline constexpr uint8_t kOwnedByThread = 0;
inline constexpr uint8_t kOwnedByGenerator = 1;
/// From here on: entry frames without code, one for every entry of the evaluation loop from C
/// (3.13: 3; 3.14: 3 and 4; 3.15: 3).
inline constexpr uint8_t kOwnedByInterpreter = 3;

/// Says whether `co_framesize`, which CPython does not publish, really tells where the next frame
/// on a data stack begins. Judged on the target itself: wherever a walk meets two neighbours.
class FrameSizeVerdict {
 public:
  void Note(bool as_computed) { as_computed ? ++right_ : ++wrong_; }
  bool Trusted() const { return right_ > 0 && right_ / 16 >= wrong_; }

 private:
  uint64_t right_ = 0;
  uint64_t wrong_ = 0;
};

/// What one walk found.
struct WalkResult {
  Quality quality = Quality::kExact;
  Reason reason = Reason::kNone;

  void Degrade(Quality to, Reason why) {
    if (to <= quality) return;
    quality = to;
    reason = why;
  }
};

/// Follows one thread's frames through a snapshot.
///
/// Where the top of the stack is decided. `tstate->current_frame` and the chunk that holds the
/// frames are copied at different instants, so on 3.14 and later the top is taken from the copied
/// chunk itself, which is nearly atomic: a frame that was popped has a null executable, and each
/// frame begins where its caller's ends. On 3.13 a popped frame keeps its executable, and
/// current_frame decides.
class FrameWalk {
 public:
  FrameWalk(const Layout& layout, CodeTable* codes, FrameSizeVerdict* sizes, Snapshot* snapshot);

  /// Walks the thread whose planned segments are `planned` (thread state first). Appends the
  /// frames, leaf first, to `out`, and teaches `plan`.
  WalkResult Walk(ThreadPlan* plan, std::span<const Segment> planned, const std::byte* state,
                  std::vector<RawFrame>* out);

 private:
  /// A place on the data stack; a larger chunk index is an older chunk.
  struct Place {
    size_t chunk;
    uint64_t address;
    bool Below(const Place& other) const {
      return chunk > other.chunk || (chunk == other.chunk && address < other.address);
    }
  };

  bool Head(uint64_t address, FrameHead* out);
  bool HeadWithoutRead(uint64_t address, FrameHead* out) const;
  const std::byte* Find(uint64_t address, size_t size) const;
  bool PlaceOf(uint64_t address, Place* out) const;
  bool LoadChunks(ThreadPlan* plan, uint64_t newest);
  void EnsureCopied(uint64_t address);
  uint64_t Top(uint64_t current);
  bool LeadsTo(uint64_t from, uint64_t wanted) const;
  bool RecoverBelow(const Place* limit, std::vector<RawFrame>* out);

  const Layout& layout_;
  CodeTable* codes_;
  FrameSizeVerdict* sizes_;
  Snapshot* snapshot_;
  size_t head_size_;

  // Of the walk in progress.
  std::span<const Segment> planned_;
  std::vector<Segment> chunk_copies_;  // newest first, parallel to chunks_
  std::vector<Chunk> chunks_;
  std::vector<uint64_t> outside_;
  uint64_t base_frame_ = 0;
};

}  // namespace pyprof
