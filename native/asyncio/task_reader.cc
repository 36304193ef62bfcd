#include "asyncio/task_reader.h"

#include <algorithm>

#include "memory/load.h"

namespace pyprof {
namespace {

/// Distinct names of tasks that are told apart: a program can make them up without end.
constexpr size_t kMaxNames = 1u << 16;

}  // namespace

TaskReader::TaskReader(RemoteMemory* memory, const Runtime& runtime, const AsyncioOffsets& offsets,
                       TaskScope scope, Tables* tables)
    : target_(memory),
      layout_(runtime.layout),
      offsets_(offsets),
      scope_(scope),
      tables_(tables),
      memory_(memory),
      graph_(&memory_, layout_, offsets),
      codes_(memory, layout_, tables),
      several_frame_(tables->Marker("<several awaiters>")),
      truncated_frame_(tables->Marker("<truncated>")),
      freed_frame_(tables->Marker("<freed code>")),
      unnamed_frame_(tables->Marker("<task ?>")) {}

/// Takes the words that asyncio keeps in each thread's state.
void TaskReader::ReadThreads(const StackReader& reader) {
  const auto& words = offsets_.thread;
  const uint64_t first = std::min({words.running_loop, words.running_task, words.tasks_head});
  const uint64_t last = std::max({words.running_loop, words.running_task, words.tasks_head}) + 16;
  threads_.clear();
  interpreters_.clear();
  std::vector<Range> ranges;
  for (const ThreadChain& chain : reader.Chains()) {
    threads_.push_back({chain, false, 0, kNoTask, {}, true});
    ranges.push_back({chain.state + first, last - first});
    if (std::find(interpreters_.begin(), interpreters_.end(), chain.interpreter) ==
        interpreters_.end()) {
      interpreters_.push_back(chain.interpreter);
      ranges.push_back({chain.interpreter + layout_.interpreter.code_object_generation, 8});
      if (scope_ == TaskScope::kRunning) continue;
      ranges.push_back({chain.interpreter + layout_.interpreter.id, 8});
      ranges.push_back({chain.interpreter + offsets_.interpreter.tasks_head, 16});
    }
  }
  memory_.Prepare(ranges);
  for (ThreadTasks& thread : threads_) {
    if (samples_[thread.chain.sample].quality == Quality::kMissed) continue;
    uint64_t task = 0;
    thread.known = memory_.ReadValue(thread.chain.state + words.running_loop, &thread.loop) &&
                   memory_.ReadValue(thread.chain.state + words.running_task, &task);
    if (!thread.known) continue;
    loop_seen_ = loop_seen_ || thread.loop != 0;
    if (task != 0) thread.running = graph_.Add(task);
  }
}

/// Whether a coroutine or generator runs below the task's own on the thread's stack: the task was
/// started eagerly by another one, which only the list of tasks names.
bool TaskReader::RunsInside(const ThreadTasks& thread) const {
  if (thread.running == kNoTask) return false;
  const uint64_t frame = graph_.FrameOf(graph_.tasks()[thread.running]);
  for (const ChainLink& link : thread.chain.links) {
    if (link.address == frame) return false;
    if (link.in_generator) return true;
  }
  return false;
}

void TaskReader::AddTasks(const StackReader& reader) {
  ReadThreads(reader);
  graph_.ReadTasks();
  for (ThreadTasks& thread : threads_) {
    if (!thread.known || (scope_ == TaskScope::kRunning && !RunsInside(thread))) continue;
    thread.list_whole =
        graph_.AddList(thread.chain.state + offsets_.thread.tasks_head, &thread.listed);
  }
  orphans_.assign(interpreters_.size(), {});
  orphans_whole_.assign(interpreters_.size(), true);
  interpreter_ids_.assign(interpreters_.size(), 0);
  for (size_t i = 0; scope_ == TaskScope::kAll && i < interpreters_.size(); ++i) {
    memory_.ReadValue(interpreters_[i] + layout_.interpreter.id, &interpreter_ids_[i]);
    orphans_whole_[i] =
        graph_.AddList(interpreters_[i] + offsets_.interpreter.tasks_head, &orphans_[i]);
  }
  graph_.ReadTasks();
  graph_.ReadDetails();
}

/// Makes the code of all suspended coroutines current.
void TaskReader::FindCodes() {
  std::vector<Range> words;
  for (const uint64_t interpreter : interpreters_) {
    words.push_back({interpreter + layout_.interpreter.code_object_generation, 8});
  }
  codes_.CountFreedAt(std::move(words));
  codes_.BeginSample(codes_.GenerationIn(&memory_), {});
  std::vector<uint64_t> addresses;
  for (const Task& task : graph_.tasks()) {
    for (const CoroutineFrame& frame : task.frames) addresses.push_back(frame.code);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  codes_.Prepare(addresses);
  const PreparedCodes prepared = codes_.TakePrepared();
  doubtful_codes_.clear();
  doubtful_codes_.insert(prepared.doubtful.begin(), prepared.doubtful.end());
}

int32_t TaskReader::MarkerOf(const Task& task) {
  if (task.name.empty()) return unnamed_frame_;
  const auto found = markers_.find(task.name);
  if (found != markers_.end()) return found->second;
  const bool room = markers_.size() < kMaxNames;
  const int32_t marker = tables_->Marker(room ? "<task " + task.name + ">" : "<task …>");
  if (room) markers_.emplace(task.name, marker);
  return marker;
}

/// The task's marker and, when it is suspended, its coroutines on top of `above`.
TaskReader::Trusted TaskReader::Onto(Trusted above, size_t index) {
  const Task& task = graph_.tasks()[index];
  above.stack = tables_->Stack(above.stack, MarkerOf(task));
  if (task.name.empty()) above.how.Degrade(Quality::kRepaired, Reason::kUnreadable);
  for (const CoroutineFrame& frame : task.frames) {
    CodeObject* code = doubtful_codes_.contains(frame.code) ? nullptr : codes_.Get(frame.code);
    int32_t shown = freed_frame_;
    bool sure = true;
    if (code == nullptr) {
      above.how.Degrade(Quality::kPartial, Reason::kFreedCode);
    } else {
      shown = codes_.FrameOf(frame.code, code, frame.instruction, &sure);
      if (!sure) above.how.Degrade(Quality::kRepaired, Reason::kMoved);
    }
    if (shown >= 0) above.stack = tables_->Stack(above.stack, shown);
  }
  if (task.reason != Reason::kNone) above.how.Degrade(Quality::kPartial, task.reason);
  return above;
}

/// What stands below a task that no single known task awaits.
TaskReader::Trusted TaskReader::Root(const Task& task) {
  Trusted root;
  if (task.awaiters == Awaiters::kSeveral) {
    root.stack = tables_->Stack(kNoStack, several_frame_);
  } else if (task.awaiters == Awaiters::kUnknown) {
    root.stack = tables_->Stack(kNoStack, truncated_frame_);
    root.how.Degrade(Quality::kPartial,
                     task.reason == Reason::kNone ? Reason::kUnreadable : task.reason);
  }
  return root;
}

/// The stack of the tasks that await this one, outermost first: what its own marker stands on.
TaskReader::Trusted TaskReader::Through(size_t index) {
  const std::vector<Task>& tasks = graph_.tasks();
  path_.clear();
  Trusted stack;
  std::unordered_set<size_t> on_path;
  for (size_t at = index;;) {
    if (through_[at].known) {
      stack = through_[at];
      break;
    }
    if (tasks[at].awaiters != Awaiters::kOne) {
      stack = Root(tasks[at]);
      stack.known = true;
      through_[at] = stack;
      break;
    }
    path_.push_back(at);
    if (!on_path.insert(at).second) {
      // Tasks that await each other: asyncio does not prevent it, and no root is more right.
      stack.stack = tables_->Stack(kNoStack, truncated_frame_);
      stack.how.Degrade(Quality::kPartial, Reason::kTruncated);
      stack.known = true;
      do {
        path_.pop_back();
        through_[path_.back()] = stack;
      } while (path_.back() != at);
      path_.pop_back();
      break;
    }
    at = tasks[at].awaiter;
  }
  for (size_t i = path_.size(); i-- > 0;) {
    stack = Onto(stack, tasks[path_[i]].awaiter);
    through_[path_[i]] = stack;
  }
  return stack;
}

/// Puts the stack of the task that a thread runs in place of the thread's.
void TaskReader::Join(ThreadTasks* thread, ThreadSample* sample, Motion motion) {
  WalkResult how{sample->quality, sample->reason};
  const auto degrade = [sample, &how](Quality quality, Reason reason) {
    how.Degrade(quality, reason);
    sample->quality = how.quality;
    sample->reason = how.reason;
  };
  if (!thread->known) {
    if (sample->quality != Quality::kMissed) degrade(Quality::kRepaired, Reason::kUnreadable);
    return;
  }
  if (thread->running == kNoTask) return;
  const std::vector<Task>& tasks = graph_.tasks();
  by_frame_.clear();
  const auto note = [this, &tasks](size_t index) {
    if (tasks[index].sound && tasks[index].coroutine != 0) {
      by_frame_.emplace(graph_.FrameOf(tasks[index]), index);
    }
  };
  note(thread->running);
  if (RunsInside(*thread)) {
    for (const size_t listed : thread->listed) note(listed);
  }

  /// Where the tasks begin: the stack below each, innermost last.
  std::vector<std::pair<int32_t, size_t>> begins;
  int32_t below = kNoStack;
  for (const ChainLink& link : thread->chain.links) {
    if (const auto task = by_frame_.find(link.address); task != by_frame_.end()) {
      begins.emplace_back(below, task->second);
    }
    below = link.stack;
  }
  const Task& running = tasks[thread->running];
  const bool placed = !begins.empty() && begins.back().second == thread->running;
  if (!placed) {
    const bool foreign = running.sound && running.state == CoroutineState::kForeign;
    if (!foreign) {
      // The thread went into the task, or out of it, after its stack was copied.
      degrade(Quality::kRepaired, motion == Motion::kPossible ? Reason::kUnproved : Reason::kMoved);
      return;
    }
    // The task runs somewhere in this stack; the interpreter does not know where it begins.
    if (begins.empty()) begins.emplace_back(kNoStack, thread->running);
  }

  // The frames above the outermost task's beginning, root first.
  std::vector<std::pair<int32_t, int32_t>> frames;  // frame, and the stack below it
  int32_t at = sample->stack;
  const int32_t base = begins.front().first;
  while (at != kNoStack && at != base) {
    const StackRow row = tables_->StackAt(at);
    frames.emplace_back(row.frame, row.parent);
    at = row.parent;
  }
  if (at != base) {
    degrade(Quality::kRepaired, Reason::kMoved);
    return;
  }
  Trusted joined = Through(begins.front().second);
  auto next = begins.begin();
  for (size_t i = frames.size(); i-- > 0;) {
    for (; next != begins.end() && next->first == frames[i].second; ++next) {
      const Task& task = tasks[next->second];
      joined.stack = tables_->Stack(joined.stack, MarkerOf(task));
      if (task.name.empty()) joined.how.Degrade(Quality::kRepaired, Reason::kUnreadable);
    }
    joined.stack = tables_->Stack(joined.stack, frames[i].first);
  }
  sample->stack = joined.stack;
  degrade(joined.how.quality, joined.how.reason);
  if (motion == Motion::kPossible) degrade(Quality::kRepaired, Reason::kUnproved);
}

/// Adds a sample for each suspended task of a list.
void TaskReader::Wait(const std::vector<size_t>& listed, bool whole, int32_t sample,
                      int64_t interpreter, Motion motion) {
  const bool moved = motion == Motion::kPossible;
  for (const size_t index : listed) {
    const Task& task = graph_.tasks()[index];
    const auto runs = [index](const ThreadTasks& thread) { return thread.running == index; };
    if (task.state == CoroutineState::kRunning || task.state == CoroutineState::kFinished ||
        std::any_of(threads_.begin(), threads_.end(), runs)) {
      continue;
    }
    Trusted stack;
    if (task.sound) {
      stack = Onto(Through(index), index);
    } else {
      stack.how.Degrade(Quality::kMissed, task.reason);
    }
    if (moved) stack.how.Degrade(Quality::kRepaired, Reason::kUnproved);
    waiting_.push_back({sample, interpreter, stack.stack, stack.how.quality, stack.how.reason});
  }
  if (!whole) {
    waiting_.push_back({sample, interpreter, kNoStack, Quality::kMissed, Reason::kMoved});
  }
}

void TaskReader::Read(const StackReader& reader, Motion motion) {
  samples_ = reader.samples();
  waiting_.clear();
  memory_.Begin();
  graph_.Begin();
  AddTasks(reader);
  FindCodes();
  through_.assign(graph_.tasks().size(), {});
  // What is proved afterwards is about those that share the main interpreter's GIL.
  const Motion elsewhere = motion == Motion::kStopped ? motion : Motion::kPossible;
  const auto motion_of = [&](const ThreadTasks& thread) {
    return samples_[thread.chain.sample].main_gil ? motion : elsewhere;
  };
  for (ThreadTasks& thread : threads_) {
    Join(&thread, &samples_[thread.chain.sample], motion_of(thread));
  }
  if (scope_ != TaskScope::kAll) return;
  for (const ThreadTasks& thread : threads_) {
    const size_t sample = thread.chain.sample;
    Wait(thread.listed, thread.list_whole, static_cast<int32_t>(sample),
         samples_[sample].interpreter, motion_of(thread));
  }
  for (size_t i = 0; i < interpreters_.size(); ++i) {
    Wait(orphans_[i], orphans_whole_[i], -1, interpreter_ids_[i],
         interpreter_ids_[i] == 0 ? motion : elsewhere);
  }
}

}  // namespace pyprof
