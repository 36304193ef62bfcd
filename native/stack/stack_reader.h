#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "code/code_table.h"
#include "code/tables.h"
#include "memory/remote_memory.h"
#include "runtime/find_runtime.h"
#include "stack/frame_walk.h"
#include "stack/quality.h"
#include "stack/snapshot.h"
#include "stack/thread_plan.h"

namespace pyprof {

/// One thread at one instant.
struct ThreadSample {
  /// Identity of the thread in the target: address of its state and native id. A state that is
  /// freed and used again for another thread comes with another id.
  uint64_t state;
  uint64_t native_id;
  /// `threading.get_ident()`.
  uint64_t python_id;
  int64_t interpreter;
  bool is_main;
  /// kNoStack: no Python frames, or missed.
  int32_t stack;
  Quality quality;
  Reason reason;
};

enum class SampleStatus {
  kOk,
  /// The process is gone, or its memory is another program's.
  kProcessGone,
  kPermission,
  /// No interpreter: not yet, or not any more.
  kNoInterpreter,
};

/// Reads all threads of all interpreters of one runtime, sample after sample: each by one vectored
/// read as long as the threads stand about where the last sample found them.
class StackReader {
 public:
  StackReader(RemoteMemory* memory, const Runtime& runtime, uint64_t main_native_id,
              Tables* tables);

  /// One sample of every thread that runs; `out` is overwritten. A thread whose state exists but
  /// that the operating system has not started yet is no sample.
  SampleStatus Sample(std::vector<ThreadSample>* out);

  /// Reads beyond the planned one that the last sample needed.
  size_t extra_reads() const { return snapshot_.fetches(); }

 private:
  struct Interpreter {
    uint64_t address;
    int64_t id;
    size_t segment;
  };
  /// A thread's plan, and what its last sample was.
  struct Thread {
    explicit Thread(uint64_t address, size_t interpreter)
        : plan(address), interpreter(interpreter) {}
    ThreadPlan plan;
    size_t interpreter;
    size_t first_segment = 0;
    size_t segments = 0;
    bool listed = false;
    std::vector<RawFrame> raw;    // leaf first
    std::vector<int32_t> stacks;  // stacks[i] ends in raw[i]
  };
  struct Pending {
    Thread* thread;
    size_t first;
    size_t count;
  };

  void MakePlan();
  void PlanThread(Thread* thread);
  SampleStatus ReadPlan();
  uint64_t HeadInSnapshot() const;
  bool FindInterpreters();
  void ListThreads(size_t interpreter, std::vector<ThreadSample>* out);
  Thread* ThreadAt(uint64_t address, size_t interpreter, size_t hint);
  void ReadThread(Thread* thread, const std::byte* state, const std::byte* head,
                  std::vector<ThreadSample>* out);
  void InternStacks(std::vector<ThreadSample>* out);
  int32_t InternStack(Thread* thread, std::span<const RawFrame> raw, WalkResult* result);
  uint64_t GenerationNow();

  RemoteMemory* memory_;
  const Runtime runtime_;
  const Layout& layout_;
  const uint64_t main_native_id_;
  Tables* tables_;
  CodeTable codes_;
  Snapshot snapshot_;
  FrameSizeVerdict sizes_;
  FrameWalk walk_;

  // The read of the next sample.
  size_t state_size_;
  uint64_t interpreter_from_;
  size_t interpreter_size_;
  std::vector<Range> ranges_;
  std::vector<Interpreter> interpreters_;
  std::vector<std::unique_ptr<Thread>> threads_;

  // Scratch of one sample.
  std::vector<RawFrame> raw_;
  std::vector<Pending> pending_;
  std::vector<uint64_t> code_addresses_;
  std::vector<uint64_t> doubtful_codes_;
  uint64_t generation_ = 0;
  int32_t truncated_frame_;
  int32_t gone_frame_;
  int32_t freed_frame_;
};

}  // namespace pyprof
