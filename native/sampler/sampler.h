#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "asyncio/task_reader.h"
#include "code/tables.h"
#include "runtime/find_runtime.h"
#include "sampler/descendants.h"
#include "sampler/schedule.h"
#include "sampler/target.h"

namespace pyprof {

/// Why another reading is used than asked for.
enum class ReadingChange {
  kNone,
  kOverBudget,
  kNoGil,
  kCoreNotAllowed,
  kNoRunCount,
  kSeveralProcesses,
};

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
  /// Tell what each thread was doing, and the CPU time that it used.
  bool states = false;
  /// Mark with `<native>` where C code has called Python code.
  bool native_markers = false;
  /// Stacks by asyncio task, and of which tasks; nothing: by thread.
  std::optional<TaskScope> tasks;
  /// Record the descendants of the process too.
  bool follow = false;
  /// Begin paused: see SetEnabled.
  bool disabled = false;
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

/// A process; the first row is the target of the recording.
struct ProcessRow {
  int32_t index = 0;
  pid_t pid = 0;
  /// Row of the nearest process above it that has one; -1: none.
  int32_t parent = -1;
  /// As of Target::Command.
  std::string command;
  std::string python_version;
  /// ns since the origin; `end` is -1 as long as it goes on.
  double start = 0;
  double end = -1;
  /// Why it could not be read.
  AttachStatus unreadable = AttachStatus::kOk;
  std::string detail;
};

struct ThreadRow {
  int32_t process;
  uint64_t native_id;
  int64_t interpreter;
  std::string name;
  bool is_main;
  /// Not a thread, but the suspended tasks of one: each of its samples is one task.
  bool waiting_tasks;
  /// The states that its samples tell of, as bits.
  uint8_t states = 0;
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
  size_t Length() const { return time.size(); }
  /// Drops the rows; what memory a usual batch needs is kept for the next one.
  void Clear();

  std::vector<double> time, weight;
  std::vector<int32_t> thread, stack;
  std::vector<uint8_t> quality, reason;
  std::vector<uint8_t> state;  // bits of thread_state.h
  std::vector<double> cpu;     // ns since the thread's last sample that has it, or kNoCpu
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
  /// Time in which sampling was disabled, and how often it was; a pause counts when it is over.
  uint64_t paused_time = 0;  // ns
  uint64_t pauses = 0;
  /// Time from the beginning of a tick to its end, of all ticks, ns: all processes are read in it.
  uint64_t tick_time = 0;
  /// How descendants are found, when they are followed.
  std::optional<DescendantSource> descendants;
  /// The reading in use; never kAuto once sampling has begun.
  Reading reading = Reading::kAuto;
  ReadingChange reading_change = ReadingChange::kNone;
  /// Wake-ups that came late because the core was not given.
  uint64_t late_ticks = 0;
  /// The states that all samples tell of, as bits: what one thread's cannot tell is not in it.
  uint8_t states = 0;
  /// Whether a thread was seen to run an asyncio event loop; only with SamplerOptions::tasks.
  bool loop_seen = false;
  std::string python_version;
  AttachStatus attach = AttachStatus::kOk;
  std::string attach_detail;
};

/// What came in since the last drain.
struct Batch {
  NewRows rows;
  /// New ones, and those that have changed; each is whole.
  std::vector<ProcessRow> processes;
  std::vector<ThreadRow> threads;
  std::vector<ThreadRename> renamed;
  SampleColumns samples;
  std::vector<GapRow> gaps;
  SamplerStatus status;
};

/// The sampling loop on a thread of its own, for one process or a tree of them: every tick reads
/// all, in turn. Its consumer pulls batches; a slow consumer costs counted samples, never a late
/// tick.
class Sampler {
 public:
  /// Attaches and starts. Without `wait`, `*failure` tells why the process cannot be sampled; the
  /// sampler has ended then. With `follow` a process that is no Python itself may be sampled.
  Sampler(const SamplerOptions& options, AttachResult* failure);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Replaces a batch by what came in since the last call. The memory of its samples is used again
  /// for those to come.
  void Drain(Batch* batch);
  /// Ends the loop and waits for it.
  void Stop();
  /// Pauses or goes on, and returns when it is so. While it is paused nothing of the target is read
  /// but what /proc says of its end and its descendants; that time is in no sample and no gap.
  /// @returns false when the recording has ended
  bool SetEnabled(bool enabled);
  /// ns since the first Python was found; 0 before.
  uint64_t Elapsed() const;

 private:
  /// A target and what the recording knows of it.
  struct Followed {
    Followed(pid_t pid, Followed* parent, const TargetShared& shared)
        : target(pid, parent == nullptr ? nullptr : &parent->target, shared) {}
    Target target;
    ProcessRow process;
    /// Its last search failed so, and the ones before it since then, ns.
    AttachStatus failure = AttachStatus::kOk;
    uint64_t failed_since = 0;
    bool ended = false;
    /// Its states are in those of the recording.
    bool states_counted = false;
    /// Rows for the tasks whose threads are gone, by interpreter.
    std::map<int64_t, int32_t> orphans;
  };

  void Run();
  bool CanGoOn(const AttachResult& found);
  void Begin(Followed* followed);
  uint64_t NextWake() const;
  bool SleepUntil(uint64_t time);
  bool Switch(uint64_t now);
  void CountPause(uint64_t now);
  bool LookForEnds(uint64_t now);
  bool TakeTick(uint64_t now);
  bool LookAround(uint64_t now, const Schedule::Tick* tick);
  void FindDescendants(uint64_t now);
  bool Search(Followed* followed, uint64_t now);
  void Attach(Followed* followed, const AttachResult& found);
  void NoteFailure(Followed* followed, const AttachResult& found, uint64_t now);
  bool SampleOnce(Followed* followed, uint64_t now, const Schedule::Tick& tick);
  bool HandleLoss(Followed* followed, SampleStatus status, uint64_t now);
  void Close(Followed* followed, uint64_t now);
  bool DropEnded();
  void ChooseReading(Followed* followed);
  void UseLive(ReadingChange why);
  void CheckCrowd();
  void CheckBudget(uint64_t now);
  void CountExec(Followed* followed);
  void RecordTick(uint64_t now, const Schedule::Tick& tick);
  void RecordNothing(uint64_t now, const Schedule::Tick& tick);
  void CountStates(Followed* followed);
  void Record(Followed* followed, uint64_t now, const Schedule::Tick& tick);
  /// What a row of the samples says, apart from when.
  struct Row {
    int32_t thread;
    int32_t stack;
    WalkResult how;
    /// Known to be of one instant, where the reading can tell.
    bool proved;
    uint8_t state = 0;
    double cpu = kNoCpu;
  };
  bool HasRoom();
  void AddSample(const Target& target, uint64_t now, const Schedule::Tick& tick, Row row);
  int32_t WaitingIndex(Followed* followed, const WaitingTask& task);
  int32_t ThreadIndex(Followed* followed, const ThreadSample& sample);
  void RefreshNames(Followed* followed, uint64_t now);
  void Publish(Followed* followed);
  double SinceOrigin(uint64_t now) const;
  Followed& root() { return *targets_.front(); }
  void End(EndReason reason);
  void Wake();

  const SamplerOptions options_;

  // The loop thread's own.
  Tables tables_;
  const TargetShared shared_;
  /// In the order in which they were found; the first one is the target of the recording, for good.
  std::vector<std::unique_ptr<Followed>> targets_;
  std::unique_ptr<Descendants> descendants_;
  std::optional<Schedule> schedule_;
  /// Where the next tick begins to read: each target is the first one in turn.
  size_t first_ = 0;
  size_t attached_ = 0;
  int32_t process_count_ = 0;
  int32_t thread_count_ = 0;
  std::atomic<uint64_t> origin_ = 0;
  uint64_t deadline_ = 0;
  uint64_t started_at_ = 0;
  uint64_t looked_at_ = 0;
  Reading reading_ = Reading::kLive;
  /// Several processes are there to be read at once, which cannot all share a core: at this tick,
  /// and for so long that it counts.
  bool crowded_ = false;
  bool several_ = false;
  bool late_ = false;
  uint64_t budget_from_ = 0;
  uint64_t budget_cpu_ = 0;
  uint64_t budget_ticks_ = 0;
  /// Since when it is paused: the time from then on is in no sample and no gap.
  uint64_t paused_since_ = 0;
  /// The part of it that was before.
  uint64_t skipped_ = 0;

  std::mutex mutex_;
  /// Changes with each request to the loop; a futex, so that a wake-up in time is one system call.
  std::atomic<uint32_t> requests_ = 0;
  std::atomic<bool> stop_ = false;
  /// What is asked for and what is so.
  std::atomic<bool> wanted_;
  std::atomic<bool> enabled_;  // changes guarded by mutex_
  std::condition_variable switched_;
  Batch pending_;  // guarded by mutex_
  std::thread loop_;
};

}  // namespace pyprof
