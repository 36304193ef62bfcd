#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/remote_memory.h"
#include "memory/snapshot.h"
#include "runtime/layout.h"

namespace pyprof {

// What a thread was doing, as bits. Order and values are those of STATES in src/profile/profile.ts.
inline constexpr uint8_t kOnCpu = 1;
inline constexpr uint8_t kHoldsGil = 2;
inline constexpr uint8_t kWaitsForGil = 4;
inline constexpr uint8_t kCollects = 8;
inline constexpr uint8_t kHandlesException = 16;

/// What an interpreter's words say of its garbage collector.
struct Collector {
  bool works = false;
  /// The frame in which the collection began; 0 before 3.15, which does not tell.
  uint64_t frame = 0;
};

/// Reads from copied words what a thread is doing inside of CPython. What only the kernel knows is
/// CpuClock's.
class ThreadState {
 public:
  ThreadState(const Layout& layout, RemoteMemory* memory);

  /// Bytes of a thread state and of an interpreter that are looked at.
  size_t thread_end() const { return thread_end_; }
  uint64_t interpreter_from() const { return collecting_; }
  uint64_t interpreter_end() const { return interpreter_end_; }
  /// Bytes before a generator's frame that hold what its thread handles (3.15): gi_exc_state, of 16
  /// bytes, and 16 more (Include/internal/pycore_interpframe_structs.h, _PyGenObject_HEAD). Only
  /// where to look first; exc_info says where it really is.
  size_t before_frame() const { return layout_.thread.exc_state != 0 ? 32 : 0; }

  /// Whether this version publishes which thread holds the GIL, in the thread's own state.
  bool has_holder_flag() const { return !layout_.free_threaded && layout_.thread.holds_gil != 0; }
  bool HoldsGil(const std::byte* state) const;

  /// `from` is where `words` begins in the interpreter.
  Collector CollectorIn(const std::byte* words, uint64_t from) const;
  bool has_collector_frame() const { return layout_.gc.frame != 0; }

  bool has_exceptions() const { return layout_.thread.exc_state != 0; }
  /// Whether the thread raises or handles an exception: it is inside of an `except`, or of a
  /// `finally` or `with` that an exception passes through. `planned` is what the snapshot has of
  /// the thread; what it lacks costs a read.
  bool HandlesException(uint64_t address, const std::byte* state,
                        std::span<const Segment> planned) const;

 private:
  const Layout& layout_;
  RemoteMemory* memory_;
  size_t thread_end_ = 0;
  uint64_t collecting_ = 0;
  uint64_t interpreter_end_ = 0;
};

}  // namespace pyprof
