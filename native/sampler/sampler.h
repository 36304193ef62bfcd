#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/task_reader.h"
#include "code/tables.h"
#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "sampler/core_sharing.h"
#include "sampler/process_watch.h"
#include "sampler/schedule.h"
#include "sampler/stopper.h"
#include "stack/stack_reader.h"
#include "stack/thread_names.h"

namespace pyprof {

/// How the target is read; see docs/accuracy.md.
enum class Reading {
  /// Exact as long as it keeps within the overhead allowed, else live.
  kAuto,
  /// From another core, while the target runs on.
  kLive,
  /// Sharing the core with the thread that holds the GIL.
  kExact,
  /// With all threads stopped by ptrace.
  kStop,
};

/// Why another reading is used than asked for.
enum class ReadingChange { kNone, kOverBudget, kNoGil, kCoreNotAllowed, kNoRunCount };

struct SamplerOptions {
  pid_t pid = 0;
  /// Mean gap between two ticks, ns.
  uint64_t interval = 0;
  /// ns from the first tick's origin; 0: no end.
  uint64_t duration = 0;
  /// Keep looking for a Python in the process.
  bool wait = false;
  /// Most samples that are kept between two drains.
  size_t capacity = 0;
  uint64_t seed = 0;
  Reading reading = Reading::kAuto;
  /// Share of one core that sampling may take from the target, for kAuto.
  double max_overhead = 0;
  /// Stacks by asyncio task, and of which tasks; nothing: by thread.
  std::optional<TaskScope> tasks;
};

enum class SamplerState { kSearching, kSampling, kEnded };
enum class EndReason {
  kNone,
  kDuration,
  kStopped,
  kExited,
  kLostAccess,
  kNeverPython,
  kNotPythonAfterExec,
};

struct ThreadRow {
  pid_t pid;
  uint64_t native_id;
  int64_t interpreter;
  std::string name;
  bool is_main;
  /// Not a thread, but the suspended tasks of one: each of its samples is one task.
  bool waiting_tasks;
};

struct ThreadRename {
  int32_t thread;
  std::string name;
};

struct GapRow {
  uint64_t start;
  uint64_t duration;
  uint64_t missed;
};

/// Samples as columns; times and weights in ns since the origin.
struct SampleColumns {
  std::vector<double> time, weight;
  std::vector<int32_t> thread, stack;
  std::vector<uint8_t> quality, reason;
};

struct SamplerStatus {
  SamplerState state = SamplerState::kSearching;
  EndReason end_reason = EndReason::kNone;
  uint64_t elapsed = 0;  // ns
  uint64_t ticks = 0;
  uint64_t missed_ticks = 0;
  uint64_t gap_time = 0;  // ns
  uint64_t dropped_samples = 0;
  uint64_t execs = 0;
  uint64_t sampler_cpu = 0;  // ns
  /// The reading in use; never kAuto once sampling has begun.
  Reading reading = Reading::kAuto;
  ReadingChange reading_change = ReadingChange::kNone;
  /// Wake-ups that came late because the core was not given.
  uint64_t late_ticks = 0;
  /// Whether a thread was seen to run an asyncio event loop; only with SamplerOptions::tasks.
  bool loop_seen = false;
  std::string python_version;
  AttachStatus attach = AttachStatus::kOk;
  std::string attach_detail;
};

/// What came in since the last drain.
struct Batch {
  NewRows rows;
  std::vector<ThreadRow> threads;
  std::vector<ThreadRename> renamed;
  SampleColumns samples;
  std::vector<GapRow> gaps;
  SamplerStatus status;
};

/// The sampling loop on a thread of its own. Its consumer pulls batches; a slow consumer costs
/// counted samples, never a late tick.
class Sampler {
 public:
  /// Attaches and starts. Without `wait`, `*failure` tells why the process cannot be sampled; the
  /// sampler has ended then.
  Sampler(const SamplerOptions& options, AttachResult* failure);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Moves out what came in since the last call.
  Batch Drain();
  /// Ends the loop and waits for it.
  void Stop();

 private:
  struct KnownThread {
    int32_t index = -1;
    std::string name;
    /// Of the row that stands for its suspended tasks.
    int32_t waiting_index = -1;
  };

  void Run();
  bool Search();
  void CountExec(bool exec);
  bool SleepUntil(uint64_t time);
  void Attach(const AttachResult& found);
  void SampleLoop();
  bool SampleOnce(uint64_t now, uint64_t due, const Schedule::Tick& tick);
  SampleStatus Read();
  SampleStatus ReadOnce(Motion motion);
  AttachResult FindRuntime();
  void FindAsyncio(uint64_t now);
  void ChooseReading();
  void UseLive(ReadingChange why);
  void CheckBudget(uint64_t now);
  bool HandleLoss(SampleStatus status);
  void Record(uint64_t now, const Schedule::Tick& tick, bool readable);
  void NameNewThreads();
  int32_t ThreadIndex(const ThreadSample& sample);
  int32_t WaitingIndex(const WaitingTask& task);
  void AddSample(uint64_t now, const Schedule::Tick& tick, int32_t thread, int32_t stack,
                 WalkResult how, bool main_gil);
  void RefreshNames(uint64_t now);
  void End(EndReason reason);

  const SamplerOptions options_;
  ProcessMemory memory_;
  RuntimeFinder finder_;
  ProcessWatch watch_;
  CoreSharing sharing_;
  std::unique_ptr<Stopper> stopper_;

  // The loop thread's own.
  Tables tables_;
  std::unique_ptr<StackReader> reader_;
  std::unique_ptr<ThreadNames> names_;
  /// Only when tasks are asked for; the second one once the program has imported asyncio.
  std::unique_ptr<AsyncioFinder> asyncio_;
  std::unique_ptr<TaskReader> tasks_;
  uint64_t asyncio_sought_at_ = 0;
  uint64_t asyncio_gap_ = 0;
  /// Rows for the tasks whose threads are gone, by interpreter.
  std::map<int64_t, int32_t> orphans_;
  /// By the reader's serial; the serials start anew with a new reader.
  std::vector<KnownThread> threads_;
  int32_t thread_count_ = 0;
  uint64_t origin_ = 0;
  uint64_t deadline_ = 0;
  uint64_t checked_at_ = 0;
  uint64_t named_at_ = 0;
  Reading reading_ = Reading::kLive;
  /// The last sample is known to be of one instant.
  bool proved_ = false;
  bool late_ = false;
  uint64_t budget_from_ = 0;
  uint64_t budget_cpu_ = 0;
  uint64_t budget_ticks_ = 0;

  std::mutex mutex_;
  /// 1 once the loop is to end; a futex, so that a wake-up in time is one system call.
  std::atomic<uint32_t> stop_ = 0;
  Batch pending_;  // guarded by mutex_
  std::thread loop_;
};

}  // namespace pyprof
