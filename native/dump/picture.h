#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/page_memory.h"
#include "asyncio/task_graph.h"
#include "code/code_table.h"
#include "code/tables.h"
#include "runtime/find_runtime.h"
#include "stack/stack_reader.h"
#include "values/frame_variables.h"
#include "values/value_reader.h"

namespace pyprof {

/// A frame of a picture.
struct PictureFrame {
  /// Row of the tables.
  int32_t frame;
  /// 0: no frame of the interpreter's, but a marker such as `<GC>`.
  uint64_t address;
  /// Only where they are asked for.
  std::optional<FrameVariables> variables = {};
};

enum class TaskState { kRunning, kSuspended, kFinished, kForeign, kBroken };

/// An asyncio task of a picture.
struct PictureTask {
  uint64_t address;
  /// "": not readable.
  std::string name;
  TaskState state;
  /// Index of the thread, among the samples, that made the task or runs it; -1: it is gone.
  int32_t thread;
  /// Indexes of the tasks that await it.
  std::vector<size_t> awaited_by;
  /// Something awaits it that could not be told, or its frames could not be followed.
  bool partial;
  /// Innermost first: its coroutines and, of a running one, all that these have called.
  std::vector<PictureFrame> frames;
};

struct PictureOptions {
  /// Where asyncio's tasks are; nothing: they are not asked for, or there are none.
  std::optional<AsyncioOffsets> tasks;
  /// Read variables, within these limits.
  std::optional<ValueLimits> values;
  /// Of these threads only, by native id; empty: of all, and of tasks.
  std::set<uint64_t> threads;
  /// Of this frame only, counted from the innermost one; nothing: of all.
  std::optional<size_t> frame;
};

/// All that a dump shows of one process, read at one instant: what StackReader has found, the
/// variables of its frames, and the tasks. Memory is copied by pages, each once, and the pages of
/// the last picture come by one read: what was not proved to be of one instant can be taken again,
/// by much fewer reads.
class Picture {
 public:
  Picture(RemoteMemory* memory, const Runtime& runtime, Tables* tables, PictureOptions options);

  /// For the reader's last sample, which must keep its chains.
  void Take(const StackReader& reader);

  /// Frames of each sample, innermost first.
  const std::vector<std::vector<PictureFrame>>& threads() const { return threads_; }
  const std::vector<PictureTask>& tasks() const { return tasks_; }
  /// A list of tasks could not be followed to its end.
  bool tasks_cut() const { return tasks_cut_; }
  /// A thread runs an event loop.
  bool loop_seen() const { return loop_seen_; }
  /// A limit of bytes or time was reached.
  bool LimitReached() const { return values_ != nullptr && values_->LimitReached(); }

 private:
  void TakeThreads(const StackReader& reader);
  void TakeTasks(const StackReader& reader);
  void ReadValues(const StackReader& reader);
  std::vector<PictureFrame> FramesOf(int32_t stack, std::span<const ChainLink> links) const;
  std::vector<PictureFrame> FramesOf(const Task& task);

  const Layout layout_;
  Tables* tables_;
  const PictureOptions options_;
  PageMemory memory_;
  std::unique_ptr<TaskGraph> graph_;
  CodeTable codes_;
  std::unique_ptr<ValueReader> values_;
  uint64_t epoch_ = 0;
  int32_t freed_frame_;
  int32_t collector_frame_;
  int32_t truncated_frame_;
  int32_t greenlet_frame_;

  std::vector<std::vector<PictureFrame>> threads_;
  std::vector<PictureTask> tasks_;
  bool tasks_cut_ = false;
  bool loop_seen_ = false;
};

}  // namespace pyprof
