#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/page_memory.h"
#include "asyncio/task_graph.h"
#include "code/code_table.h"
#include "code/tables.h"
#include "runtime/find_runtime.h"
#include "stack/stack_reader.h"

namespace pyprof {

/// Which tasks are shown.
enum class TaskScope {
  /// Those that run, and those that await them.
  kRunning,
  /// The suspended ones too, each as a sample of its own.
  kAll,
};

/// A suspended task at one instant.
struct WaitingTask {
  /// Index into the samples: the thread on which the task was made; -1 when that thread is gone.
  int32_t sample;
  int64_t interpreter;
  int32_t stack;
  Quality quality;
  Reason reason;
};

/// Turns samples of threads into samples of asyncio tasks. A thread that runs a task is shown from
/// the task's own coroutine on, joined under the tasks that await it; each task is announced by a
/// marker frame, `<task NAME>`, followed by its coroutines:
///
///   <task main> main TaskGroup.__aexit__ <task worker> worker fetch parse
///
/// Anything else that a thread does, such as waiting in its event loop, stays as it is.
///
/// What is not shown: an awaiter that is not one task but several is `<several awaiters>`, at the
/// root; a task that runs while something awaits it is known by its marker alone; a chain that
/// cannot be followed begins with `<truncated>` and makes the sample partial.
class TaskReader {
 public:
  TaskReader(RemoteMemory* memory, const Runtime& runtime, const AsyncioOffsets& offsets,
             TaskScope scope, Tables* tables);

  /// Reads the tasks for the reader's last sample. They were linked as they are shown if nothing
  /// has moved since that sample began (kStill); else they are `unproved`.
  void Read(const StackReader& reader, Motion motion);

  /// The reader's samples, with the stacks of tasks in place of those of threads that run one.
  const std::vector<ThreadSample>& samples() const { return samples_; }
  /// kAll: the suspended tasks. One that is `missed` stands for an unknown number of them.
  const std::vector<WaitingTask>& waiting() const { return waiting_; }
  /// Whether any thread has been seen to run an event loop.
  bool loop_seen() const { return loop_seen_; }
  /// Reads of the target that the last Read needed.
  size_t reads() const { return memory_.reads(); }

 private:
  /// What asyncio keeps of a thread, and the tasks that are found in it.
  struct ThreadTasks {
    ThreadChain chain;
    bool known = false;  // its words could be read
    uint64_t loop = 0;
    size_t running = kNoTask;
    std::vector<size_t> listed;
    bool list_whole = true;
  };
  /// A stack, and how far it can be trusted.
  struct Trusted {
    int32_t stack = kNoStack;
    WalkResult how;
    bool known = false;
  };

  void ReadThreads(const StackReader& reader);
  void AddTasks(const StackReader& reader);
  void FindCodes();
  bool RunsInside(const ThreadTasks& thread) const;
  int32_t MarkerOf(const Task& task);
  Trusted Through(size_t task);
  Trusted Onto(Trusted above, size_t task);
  Trusted Root(const Task& task);
  void Join(ThreadTasks* thread, ThreadSample* sample, Motion motion);
  void Wait(const std::vector<size_t>& listed, bool whole, int32_t sample, int64_t interpreter,
            Motion motion);

  RemoteMemory* target_;
  const Layout layout_;
  const AsyncioOffsets offsets_;
  const TaskScope scope_;
  Tables* tables_;
  PageMemory memory_;
  TaskGraph graph_;
  CodeTable codes_;

  std::vector<uint64_t> interpreters_;
  std::vector<ThreadTasks> threads_;
  std::vector<std::vector<size_t>> orphans_;  // by interpreter: of threads that are gone
  std::vector<bool> orphans_whole_;
  std::vector<int64_t> interpreter_ids_;
  std::vector<Trusted> through_;  // by task
  std::vector<size_t> path_;
  std::unordered_map<uint64_t, size_t> by_frame_;
  std::unordered_set<uint64_t> doubtful_codes_;
  std::unordered_map<std::string, int32_t> markers_;

  std::vector<ThreadSample> samples_;
  std::vector<WaitingTask> waiting_;
  bool loop_seen_ = false;
  int32_t several_frame_;
  int32_t truncated_frame_;
  int32_t freed_frame_;
  int32_t unnamed_frame_;
};

}  // namespace pyprof
