#pragma once

#include <cstdint>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// One frame as it stands in the target: the code object that it runs and its instruction.
struct RawFrame {
  uint64_t code;  // 0: a marker, told by `instruction`
  uint64_t instruction;
  bool operator==(const RawFrame&) const = default;
};

/// Marker: the frames beyond this one were cut off.
inline constexpr uint64_t kTruncatedFrame = 0;
/// Marker: the innermost frame was gone before it could be copied.
inline constexpr uint64_t kGoneFrame = 1;

/// A data-stack chunk (`_PyStackChunk`).
struct Chunk {
  uint64_t address;
  uint64_t size;
};

/// What the last samples of a thread teach about where to read in the next one.
class ThreadPlan {
 public:
  explicit ThreadPlan(uint64_t address) : address(address) {}

  /// Address of the thread state.
  const uint64_t address;

  /// Chunks that were in use at the last sample, newest first.
  std::vector<Chunk> chunks;
  /// Live bytes at the start of each of them, the newest one's apart: see NewestBytes.
  std::vector<uint64_t> chunk_bytes;
  /// Frames outside of the chunks that the last samples met: entry frames on the C stack, frames of
  /// generators and coroutines.
  std::vector<uint64_t> outside;

  /// How much of the newest chunk to read: to the end of the page that holds the highest frame
  /// of the last samples, and some room for calls made since.
  uint64_t NewestBytes() const;
  /// Tells the plan where the top of the stack was found.
  void NoteTop(uint64_t bytes_in_newest);
  /// Replaces the frames outside of the chunks, keeping a few that were met shortly before.
  void NoteOutside(const std::vector<uint64_t>& met);

 private:
  uint64_t highest_ = 0;
  uint64_t previous_highest_ = 0;
  int samples_ = 0;
};

}  // namespace pyprof
