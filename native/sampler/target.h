#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/task_reader.h"
#include "code/tables.h"
#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "sampler/core_sharing.h"
#include "sampler/cpu_clock.h"
#include "sampler/process_watch.h"
#include "sampler/stopper.h"
#include "stack/stack_reader.h"
#include "stack/task_ids.h"
#include "stack/thread_names.h"

namespace pyprof {

/// How a target is read; see docs/accuracy.md.
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

/// What all targets of a recording have in common.
struct TargetShared {
  Tables* tables;
  ReaderOptions reader;
  /// Stacks by asyncio task, and of which tasks; nothing: by thread.
  std::optional<TaskScope> tasks;
  std::shared_ptr<TaskFiles> files;
  std::shared_ptr<KnownFiles> known_files = std::make_shared<KnownFiles>();
};

/// One process that is recorded, or that may still become a Python: all that belongs to it alone.
class Target {
 public:
  struct KnownThread {
    int32_t index = -1;
    /// Of the row that stands for its suspended tasks.
    int32_t waiting_index = -1;
    std::string name;
  };

  /// @param parent null for a process whose parent is not followed
  Target(pid_t pid, Target* parent, const TargetShared& shared);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  pid_t pid() const { return pid_; }

  /// Who started it, as long as that is followed.
  Target* parent() const { return parent_; }
  /// To be told before the parent goes; from then on the grandparent stands for it.
  void LoseParent(Target* grandparent) { parent_ = grandparent; }

  /// Detail of an AttachResult: the process was forked by C code from a Python with several
  /// threads, and Python was not told, so that its threads cannot be told from its parent's.
  static constexpr const char* kUntoldFork = "untold fork";

  /// Looks for a Python in the process. What fails may be repeated: see SearchIsDue.
  AttachResult Search(uint64_t now);
  /// Whether Search is worth while: rarely for what has long been no Python, often again when the
  /// process has come to run another program.
  bool SearchIsDue(uint64_t now);
  uint64_t search_due() const { return search_due_; }
  /// Starts to search again, eagerly.
  void SearchAnew(uint64_t now);
  /// When it began to be searched, ns.
  uint64_t searched_since() const { return searched_since_; }
  /// Looks no less often than this for a Python, ns.
  void set_search_gap(uint64_t gap) { search_gap_ = gap; }

  void Attach(const AttachResult& found);
  /// The process is no Python any more, or is gone.
  void Detach();
  bool attached() const { return reader_ != nullptr; }

  bool Exited() const { return watch_.Exited(); }
  /// It was a Python, and has replaced itself by exec since, which ForgetExec forgets.
  bool executed() const { return executed_; }
  void ForgetExec() { executed_ = false; }

  /// One sample by this reading; proved() tells whether it is known to be of one instant.
  /// @param crowd number of processes that are read at this tick
  /// @param next when the next sample is due, as of Now; 0: not known
  SampleStatus Sample(Reading reading, size_t crowd, uint64_t next = 0);
  bool proved() const { return proved_; }
  /// The same of one thread's sample. While the GIL stayed where it was, none but its holder can
  /// have moved, whatever is known of that one.
  bool Proves(const ThreadSample& sample) const {
    return proved_ || !sample.main_gil ||
           (tasks_ == nullptr && steady_holder_ != 0 && sample.native_id != steady_holder_);
  }
  /// Of the last sample; by asyncio task where tasks are asked for.
  const std::vector<ThreadSample>& samples() const {
    return tasks_ != nullptr ? tasks_->samples() : reader_->samples();
  }
  /// The tasks of the last sample; null unless they are asked for and there is asyncio.
  const TaskReader* tasks() const { return tasks_.get(); }
  /// Called with each sample, at its instant: what it reads of the target is proved with the
  /// sample, by the same facts.
  using Inspection = std::function<void(const StackReader& reader, Motion motion)>;
  void Inspect(Inspection inspection);
  /// Looks for asyncio, which may be imported at any time, or never: the longer it is not, the
  /// rarer. What it finds holds from the next sample on.
  void FindAsyncio(uint64_t now);
  /// Whether its interpreter has a GIL whose words can be read.
  bool HasGil() const { return reader_->HasGil(); }
  /// The states that its samples tell of.
  uint8_t known_states() const { return known_states_; }
  /// What the kernel knows of a thread of the last sample; its CPU time counts once.
  CpuClock::Activity TakeActivity(const ThreadSample& sample) { return cpu_clock_.Take(sample); }
  /// Between the two it is not read, and CPU time is not counted.
  void Pause() { cpu_clock_.Pause(); }
  void Resume() { cpu_clock_.Resume(); }
  /// By the reader's serial; the serials start anew with a new reader.
  std::vector<KnownThread>& threads() { return threads_; }

  /// Finds names for the threads that the last sample saw for the first time.
  void NameNewThreads();
  bool NamesAreDue(uint64_t now);
  /// Reads the names anew; calls `renamed` with each known thread that has another one.
  template <typename Renamed>
  void RefreshNames(uint64_t now, const Renamed& renamed) {
    named_at_ = now;
    names_->Refresh();
    for (const ThreadSample& sample : reader_->samples()) {
      KnownThread& known = threads_[sample.serial];
      std::string name = names_->NameOf(sample.python_id, sample.native_id);
      if (known.index < 0 || name.empty() || name == known.name) continue;
      known.name = std::move(name);
      renamed(known);
    }
  }

  /// Its command line as it is now: arguments, each ended by NUL; the name of its program in
  /// brackets when it has none.
  std::string Command() const;

  /// For sharing its core; made when first asked for.
  CoreSharing* sharing();
  /// What holding a second core has cost it.
  CoreSharing::Held held() const {
    return sharing_ == nullptr ? CoreSharing::Held{} : sharing_->held();
  }
  /// Ends the sharing of its core: the calling thread may run everywhere again.
  void LeaveCore();

  /// Row of the profile that stands for it; -1 as long as it has none.
  int32_t row = -1;
  /// Row of the nearest one above it that has one.
  int32_t ParentRow() const;

 private:
  enum class Memory { kUnknown, kShared, kOwn };

  bool NoticeExec(uint64_t now);
  AttachResult SearchFork(uint64_t age, bool surely_own);
  Memory ComparedWith(const Target& other) const;
  struct ForkThreads {
    size_t count = 0;
    /// Those that no thread of this process has the id of: copies of the parent's.
    size_t foreign = 0;
    /// One is that of the process's first thread.
    bool first_is_own = false;
  };
  ForkThreads CountThreads();
  SampleStatus Read(Reading reading, size_t crowd, uint64_t next);
  SampleStatus ReadOnce(Motion motion);
  SampleStatus ReadBeside(uint64_t native_holder, bool* still);
  void NoteHolder(uint64_t native_id);
  void LookAtThreads(Reading reading, size_t crowd);

  const pid_t pid_;
  Target* parent_;
  const TargetShared shared_;
  ProcessMemory memory_;
  RuntimeFinder finder_;
  ProcessWatch watch_;
  TaskIds task_ids_;
  CpuClock cpu_clock_;
  std::unique_ptr<CoreSharing> sharing_;
  std::unique_ptr<Stopper> stopper_;

  /// Where the runtime is, or that of the process that this one was forked from.
  Runtime runtime_;
  std::unique_ptr<StackReader> reader_;
  std::unique_ptr<ThreadNames> names_;
  /// Only when tasks are asked for; the second one once the program has imported asyncio.
  std::unique_ptr<AsyncioFinder> asyncio_;
  std::unique_ptr<TaskReader> tasks_;
  uint64_t asyncio_sought_at_ = 0;
  uint64_t asyncio_gap_ = 0;
  Inspection inspection_;
  std::vector<KnownThread> threads_;

  bool was_attached_ = false;
  bool executed_ = false;
  bool proved_ = false;
  /// Who held the GIL all the time that the last sample was read; 0: nobody, or it is not known.
  uint64_t steady_holder_ = 0;
  /// The GIL was where the sample before had found it.
  bool holder_stays_ = false;
  /// Samples for which the other processor shall be held from the first.
  uint32_t holds_both_ = 0;
  uint8_t known_states_ = 0;
  /// Looks at threads that may be made, lively and quiet, and when that was last reckoned.
  double lively_looks_ = 0;
  double quiet_looks_ = 0;
  uint64_t looked_at_ = 0;
  uint64_t checked_at_ = 0;
  uint64_t named_at_ = 0;

  /// It may still be the copy of its parent that fork made.
  bool may_be_fork_ = false;
  uint64_t searched_since_ = 0;
  uint64_t search_due_ = 0;
  uint64_t search_gap_;
};

}  // namespace pyprof
