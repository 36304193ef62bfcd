#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "code/code_table.h"
#include "code/tables.h"
#include "memory/remote_memory.h"
#include "memory/snapshot.h"
#include "runtime/find_runtime.h"
#include "stack/frame_walk.h"
#include "stack/quality.h"
#include "stack/thread_plan.h"
#include "stack/thread_state.h"

namespace pyprof {

/// One thread at one instant.
struct ThreadSample {
  /// Number of the thread, counted by the reader from 0 on and never used again: a thread state
  /// that is freed and used for another thread counts as another one.
  uint32_t serial;
  /// Thread id as the target sees it.
  uint64_t native_id;
  /// `threading.get_ident()`.
  uint64_t python_id;
  int64_t interpreter;
  bool is_main;
  /// Runs under the GIL of the main interpreter.
  bool main_gil;
  /// kNoStack: no Python frames, or missed.
  int32_t stack;
  Quality quality;
  Reason reason;
  /// What CPython says that the thread was doing (thread_state.h); 0 without ReaderOptions::states.
  uint8_t state = 0;
  /// Where threads that wait for its GIL sleep: a pthread_cond_t and a pthread_mutex_t; 0: not
  /// known.
  uint64_t gil_queue = 0;
};

struct ReaderOptions {
  /// Tell what each thread was doing, and mark with `<GC>` the frames in which the collector runs.
  bool states = false;
  /// Mark with `<native>` where C code has called Python code.
  bool native_markers = false;
};

/// A link of a thread's chain as the last sample found it: the frame's address, and the stack that
/// ends in it.
struct ChainLink {
  uint64_t address;
  int32_t stack;
  /// The frame lies in a generator or coroutine.
  bool in_generator;
};

/// Where the frames of a sample's thread stand.
struct ThreadChain {
  /// Index of the thread's sample.
  size_t sample;
  /// Addresses of the thread state and of its interpreter.
  uint64_t state;
  uint64_t interpreter;
  /// Root first; entry frames are links too.
  std::span<const ChainLink> links;
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
  StackReader(RemoteMemory* memory, const Runtime& runtime, uint64_t main_native_id, Tables* tables,
              ReaderOptions options = {});

  /// One sample of every thread that runs. A thread whose state exists but that the operating
  /// system has not started yet is no sample. The result holds until the next call.
  SampleStatus Sample(Motion motion);
  const std::vector<ThreadSample>& samples() const { return samples_; }

  /// The states that samples tell of; the others are 0 and say nothing.
  uint8_t known_states() const;

  /// From now on keeps the chain of every sample, for Chains.
  void KeepChains() {
    keeps_chains_ = true;
    picture_holds_ = false;  // those that were read before have none
  }
  /// Of the last sample's threads, as far as they were found; valid until the next one.
  std::vector<ThreadChain> Chains() const;

  /// Whether the last sample found a thread, or a thread's root frame, that the one before did not
  /// know: the process may run another program.
  bool SomethingNew() const { return something_new_; }

  /// Whether the interpreter has a GIL whose words can be read.
  bool HasGil() const { return has_switches_; }

  /// Native id of the thread that took the GIL last, read anew; 0 when there is none.
  uint64_t HolderNow();
  /// The same as the last sample saw it, when it was the same before and after the read and no
  /// other thread had the GIL in between; 0 otherwise. Both are about the main interpreter's GIL.
  uint64_t SteadyHolder() const { return steady_holder_; }

  /// A new interpreter is seen by the first sample after this time, ns, since one was looked for.
  void SetHeadGap(uint64_t gap) { head_gap_ = gap; }

  /// Reads the words of the main interpreter's GIL anew: whether they are what they were at the end
  /// of the last sample.
  bool HolderIsSteady();

  /// What the next sample will read.
  std::span<const Range> PlannedRanges();
  /// Reads beyond the first that the last sample needed.
  size_t extra_reads() const { return extra_reads_ + snapshot_.fetches(); }

 private:
  struct Interpreter {
    uint64_t address;
    int64_t id;
    /// Address of the GIL that it uses: its own, or the main interpreter's.
    uint64_t gil;
  };
  /// A thread's plan, and what its last sample was.
  struct Thread {
    Thread(uint64_t state, size_t of_interpreter) : plan(state), interpreter(of_interpreter) {}
    ThreadPlan plan;
    size_t interpreter;
    size_t first_segment = 0;
    size_t segments = 0;
    bool listed = false;
    uint32_t serial = UINT32_MAX;
    uint64_t native_id = 0;
    uint64_t python_id = 0;
    bool is_main = false;
    uint64_t prev = 0;  // neighbours in the list of threads
    uint64_t next = 0;
    uint64_t generation = 0;      // at which the code of its links was last checked
    size_t sample = 0;            // index of its last sample
    uint64_t entry = 0;           // the innermost entry frame when the collector last was at rest
    std::vector<int32_t> stacks;  // stacks[i] is the stack that ends in plan.links[i]
    int32_t below = kNoStack;     // what they all stand on
    std::vector<ChainLink> chain;
  };

  SampleStatus ReadPlan(bool holder_only);
  void MakePlan(bool holder_only);
  bool FindInterpreters();
  bool InterpretersHold() const;
  void ListThreads(size_t interpreter);
  void MissRest(size_t interpreter, Thread* gone);
  Thread* ThreadAt(uint64_t address, size_t interpreter, size_t hint);
  const std::byte* StateOf(const Thread& thread);
  bool ReadThread(Thread* thread, const std::byte* state, const std::byte* head,
                  ThreadSample* sample);
  Motion MotionOf(const Thread& thread, bool may_run) const;
  bool MayRunPython(const Thread& thread) const;
  void ReadAll();
  bool ReadHolder();
  void Intern(Thread* thread, const WalkResult& walked, uint64_t collected_in,
              ThreadSample* sample);
  bool HoldsGil(const Thread& thread, const std::byte* state) const;
  uint64_t NoteState(Thread* thread, const std::byte* state, const std::byte* head,
                     std::span<const Segment> planned, size_t kept, ThreadSample* sample);
  void CheckCodes(Thread* thread, size_t kept);
  int32_t Extend(int32_t stack, const FrameLink& link, ThreadSample* sample);

  /// What tells whether another thread than the holder has run: of one GIL.
  struct Control {
    uint64_t holder;
    uint64_t switches;
    uint64_t threads_head;
    bool locked;
    bool SameHolder(const Control& other) const {
      return holder == other.holder && switches == other.switches &&
             threads_head == other.threads_head;
    }
  };
  bool ControlIn(const Segment& segment, Control* out) const;
  void ReadControl();
  bool ReadControlNow(size_t interpreter, Control* out);
  void NoteApart(size_t sample, size_t interpreter);
  void CheckApart();

  RemoteMemory* memory_;
  const Runtime runtime_;
  const Layout& layout_;
  const uint64_t main_native_id_;
  Tables* tables_;
  const ReaderOptions options_;
  ThreadState thread_state_;
  CodeTable codes_;
  Snapshot snapshot_;
  FrameSizeVerdict sizes_;
  FrameWalk walk_;

  size_t state_size_ = 0;
  uint64_t interpreter_from_ = 0;
  size_t interpreter_size_ = 0;
  bool has_switches_ = false;

  std::vector<Range> ranges_;
  size_t planned_ranges_ = 0;  // those of the plan; the head of the interpreters may follow
  size_t first_code_ = 0;
  bool bracketed_ = false;  // the interpreters are read at both ends
  bool head_read_ = false;
  uint64_t head_read_at_ = 0;
  uint64_t head_gap_ = 1'000'000;
  bool planned_holder_only_ = false;
  bool planned_twice_ = false;
  bool plan_valid_ = false;
  std::vector<Interpreter> interpreters_;
  std::vector<std::unique_ptr<Thread>> threads_;
  uint32_t serials_ = 0;
  size_t listed_ = 0;

  /// The GIL's state at the last full sample, if it did not move during it.
  bool picture_holds_ = false;
  Control picture_{};
  Thread* holder_ = nullptr;
  /// The GIL's state at the beginning and at the end of this sample's read; whether both were read.
  std::vector<Control> before_;  // by interpreter
  std::vector<Control> after_;
  std::vector<size_t> gil_of_;  // the interpreter whose GIL an interpreter uses
  bool control_known_ = false;
  Motion motion_ = Motion::kPossible;
  uint64_t steady_holder_ = 0;
  bool something_new_ = false;
  bool keeps_chains_ = false;

  std::vector<ThreadSample> samples_;
  /// A sample that seems exact and for which something was copied after the snapshot, and the
  /// interpreter whose GIL its thread needs, by index.
  struct Apart {
    size_t sample;
    size_t gil;
  };
  std::vector<Apart> apart_;
  size_t extra_reads_ = 0;
  std::vector<uint64_t> code_addresses_;
  std::vector<uint64_t> doubtful_codes_;
  bool doubted_ = false;  // some frame of the stack in the making
  uint64_t generation_ = 0;
  int32_t truncated_frame_;
  int32_t greenlet_frame_;
  int32_t gone_frame_;
  int32_t freed_frame_;
  int32_t collector_frame_;
  int32_t native_frame_;
};

}  // namespace pyprof
