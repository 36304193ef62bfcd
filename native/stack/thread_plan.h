#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// One link of a frame chain as it was copied: a frame that runs code, or an entry frame.
struct FrameLink {
  uint64_t address;
  uint64_t code;  // 0: an entry frame
  uint64_t previous;
  uint64_t instruction;
  /// Index of the chunk that holds it, or kOutside.
  uint32_t chunk;
  uint8_t owner;
  bool operator==(const FrameLink&) const = default;
};

// Values of _frameowner (Include/internal/pycore_interpframe_structs.h).
inline constexpr uint8_t kOwnedByThread = 0;
inline constexpr uint8_t kOwnedByGenerator = 1;
/// From here on: entry frames without code, one for every entry of the evaluation loop from C
/// (3.13: 3; 3.14: 3 and 4; 3.15: 3).
inline constexpr uint8_t kOwnedByInterpreter = 3;
inline constexpr uint8_t kLastOwner = 4;

/// Not on the data stack: entry frames live on the C stack, generators' frames in the heap.
inline constexpr uint32_t kOutside = UINT32_MAX;

/// A data-stack chunk (`_PyStackChunk`).
struct Chunk {
  uint64_t address;
  uint64_t size;
  /// Live bytes at its start; of the newest one, what to read of it.
  uint64_t bytes;
};

/// Whether the stack that begins in some chunk is a greenlet's, as far as is known yet: samples
/// that said so, less those that denied it. One sample may be wrong while the thread runs.
struct RootVerdict {
  int score = 0;
  /// By how many calls the thread's count exceeded the frames.
  int64_t deeper = 0;
};

/// What the last samples of a thread teach about where to read in the next one.
class ThreadPlan {
 public:
  explicit ThreadPlan(uint64_t thread_state) : address(thread_state) {}

  /// Address of the thread state.
  const uint64_t address;
  /// Chunks that were in use at the last sample, oldest first.
  std::vector<Chunk> chunks;
  /// The oldest chunk, which a thread keeps as long as it lives; 0 until a whole chain has shown
  /// it. A chunk that CPython has put aside looks like an oldest one.
  uint64_t root_chunk = 0;
  /// Chunks that went out of use lately, with what to read of them.
  std::vector<Chunk> spares;
  /// Frames outside of the chunks that the last samples met, by address.
  std::vector<uint64_t> outside;
  /// The last chain that was read whole, root first. Each sample proves anew, by its own bytes,
  /// which part of it still holds.
  std::vector<FrameLink> links;
  /// Whether the ranges to read are others than at the last sample.
  bool changed = true;

  /// What is known of the stack that begins in the chunk at this address.
  RootVerdict& VerdictOn(uint64_t root_chunk);
  void ForgetVerdicts();
  /// A stack of this thread is known to be a greenlet's.
  bool has_greenlets = false;

  /// Drops what could not be read.
  void Unreadable(const Range& range);
  /// Keeps chunks that have just gone out of use for some time: a stack that shrank may grow again.
  void NoteChunks(std::vector<Chunk> now);
  /// Tells the plan where, counted from the start of the newest chunk, the top frame ends.
  void NoteTop(uint64_t bytes);
  /// Whether the last chain held frames of generators, which are copied apart from the others.
  bool HasApart() const;
  /// Replaces the frames outside of the chunks, keeping a few that were met shortly before.
  void NoteOutside(const std::vector<uint64_t>& met);

  /// Remembers what a generator's frame, or the entry frame below one, was called by when it ran.
  void NoteCaller(uint64_t frame, uint64_t caller);
  /// That caller's frame, of the last time; 0 when it is not known.
  uint64_t CallerOf(uint64_t frame) const;

  /// Appends the ranges to read: the thread state; the newest chunk, as soon after it as can be,
  /// since what stands there may be another frame a moment later; if `twice`, the end of that one
  /// once more, which shows whether it moved; the frames outside of the chunks; the older chunks,
  /// newest first; the spare ones. Of a frame outside, `before` bytes in front of it are read too.
  void AppendRanges(size_t state_size, size_t frame_size, size_t before, bool twice,
                    std::vector<Range>* out) const;

 private:
  std::unordered_map<uint64_t, RootVerdict> verdicts_;
  std::unordered_map<uint64_t, uint64_t> callers_;
  uint64_t highest_ = 0;
  uint64_t previous_highest_ = 0;
  int samples_ = 0;
};

}  // namespace pyprof
