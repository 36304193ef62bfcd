#include "dump/picture.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace pyprof {

Picture::Picture(RemoteMemory* memory, const Runtime& runtime, Tables* tables,
                 PictureOptions options)
    : layout_(runtime.layout),
      tables_(tables),
      options_(std::move(options)),
      memory_(memory),
      codes_(&memory_, layout_, tables),
      freed_frame_(tables->Marker("<freed code>")),
      collector_frame_(tables->Marker("<GC>")),
      truncated_frame_(tables->Marker("<truncated>")),
      greenlet_frame_(tables->Marker("<greenlet>")) {
  if (options_.tasks) {
    graph_ = std::make_unique<TaskGraph>(&memory_, layout_, *options_.tasks, true);
  }
  if (options_.values) values_ = std::make_unique<ValueReader>(&memory_, layout_, *options_.values);
}

void Picture::Take(const StackReader& reader) {
  memory_.Begin();
  if (values_ != nullptr) values_->Begin();
  TakeThreads(reader);
  tasks_.clear();
  tasks_cut_ = false;
  if (graph_ != nullptr) TakeTasks(reader);
  if (values_ != nullptr) ReadValues(reader);
}

/// Which frame stands where: each link of a chain adds one frame to the stack of the link below,
/// and a marker where the collector runs; entry frames and hidden ones add nothing.
std::vector<PictureFrame> Picture::FramesOf(int32_t stack, std::span<const ChainLink> links) const {
  std::unordered_map<int32_t, uint64_t> addresses;
  int32_t below = kNoStack;
  for (const ChainLink& link : links) {
    if (link.stack == kNoStack || link.stack == below) continue;
    below = link.stack;
    StackRow row = tables_->StackAt(link.stack);
    const bool collects = row.frame == collector_frame_ && row.parent != kNoStack;
    const int32_t own = collects ? row.parent : link.stack;
    row = tables_->StackAt(own);
    if (row.frame != truncated_frame_ && row.frame != greenlet_frame_) {
      addresses.emplace(own, link.address);
    }
  }
  std::vector<PictureFrame> frames;
  for (int32_t at = stack; at != kNoStack; at = tables_->StackAt(at).parent) {
    const auto found = addresses.find(at);
    frames.push_back({tables_->StackAt(at).frame, found == addresses.end() ? 0 : found->second});
  }
  return frames;
}

void Picture::TakeThreads(const StackReader& reader) {
  threads_.clear();
  std::vector<std::span<const ChainLink>> links(reader.samples().size());
  const std::vector<ThreadChain> chains = reader.Chains();
  for (const ThreadChain& chain : chains) links[chain.sample] = chain.links;
  for (size_t i = 0; i < links.size(); ++i) {
    const ThreadSample& sample = reader.samples()[i];
    if (sample.quality == Quality::kMissed) links[i] = {};
    threads_.push_back(FramesOf(sample.stack, links[i]));
  }
}

/// Frames of a suspended task, whose code was prepared.
std::vector<PictureFrame> Picture::FramesOf(const Task& task) {
  std::vector<PictureFrame> frames;
  for (size_t i = task.frames.size(); i-- > 0;) {
    const CoroutineFrame& frame = task.frames[i];
    CodeObject* code = codes_.Get(frame.code);
    bool sure = true;
    const int32_t row =
        code == nullptr ? freed_frame_ : codes_.FrameOf(frame.code, code, frame.instruction, &sure);
    if (row >= 0) frames.push_back({row, code == nullptr ? 0 : frame.address});
  }
  return frames;
}

void Picture::TakeTasks(const StackReader& reader) {
  graph_->Begin();
  loop_seen_ = false;
  /// Thread that made a task, or that runs it.
  std::unordered_map<size_t, int32_t> owner;
  std::unordered_map<size_t, std::span<const ChainLink>> runs;
  std::vector<uint64_t> interpreters;
  const auto& words = options_.tasks->thread;
  const auto list = [&](uint64_t head, int32_t thread) {
    std::vector<size_t> found;
    if (!graph_->AddList(head, &found)) tasks_cut_ = true;
    for (const size_t task : found) owner.emplace(task, thread);
  };
  const std::vector<ThreadChain> chains = reader.Chains();
  for (const ThreadChain& chain : chains) {
    if (std::find(interpreters.begin(), interpreters.end(), chain.interpreter) ==
        interpreters.end()) {
      interpreters.push_back(chain.interpreter);
    }
    uint64_t loop = 0;
    uint64_t running = 0;
    if (!memory_.ReadValue(chain.state + words.running_loop, &loop) ||
        !memory_.ReadValue(chain.state + words.running_task, &running)) {
      tasks_cut_ = true;
      continue;
    }
    loop_seen_ = loop_seen_ || loop != 0;
    if (running != 0) {
      const size_t task = graph_->Add(running);
      if (task != kNoTask) {
        owner.insert_or_assign(task, static_cast<int32_t>(chain.sample));
        runs.emplace(task, chain.links);
      }
    }
    list(chain.state + words.tasks_head, static_cast<int32_t>(chain.sample));
  }
  for (const uint64_t interpreter : interpreters) {
    list(interpreter + options_.tasks->interpreter.tasks_head, -1);
  }
  graph_->ReadTasks();
  graph_->ReadDetails();

  codes_.BeginSample(++epoch_, {});
  std::vector<uint64_t> addresses;
  for (const Task& task : graph_->tasks()) {
    for (const CoroutineFrame& frame : task.frames) addresses.push_back(frame.code);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  codes_.Prepare(addresses);
  codes_.TakePrepared();

  /// The thread and frame at which a running task's coroutine stands.
  std::unordered_map<uint64_t, std::pair<size_t, size_t>> standing;
  for (size_t thread = 0; thread < threads_.size(); ++thread) {
    for (size_t i = 0; i < threads_[thread].size(); ++i) {
      if (threads_[thread][i].address != 0) {
        standing.try_emplace(threads_[thread][i].address, thread, i);
      }
    }
  }

  std::unordered_map<uint64_t, size_t> rows;
  std::vector<const Task*> kept;
  for (const Task& task : graph_->tasks()) {
    if (!task.sound || task.state == CoroutineState::kFinished) continue;
    rows.emplace(task.address, kept.size());
    kept.push_back(&task);
  }
  for (const Task* task : kept) {
    const auto index = static_cast<size_t>(task - graph_->tasks().data());
    const auto found = owner.find(index);
    PictureTask row{task->address,
                    task->name,
                    TaskState::kBroken,
                    found == owner.end() ? -1 : found->second,
                    {},
                    task->reason != Reason::kNone,
                    {}};
    for (const uint64_t awaiter : task->awaited_by) {
      const auto at = rows.find(awaiter);
      if (at == rows.end()) {
        row.partial = true;
      } else {
        row.awaited_by.push_back(at->second);
      }
    }
    if (task->awaiters == Awaiters::kUnknown) row.partial = true;
    switch (task->state) {
      case CoroutineState::kSuspended:
        row.state = TaskState::kSuspended;
        row.frames = FramesOf(*task);
        break;
      case CoroutineState::kRunning: {
        row.state = TaskState::kRunning;
        const auto at = standing.find(graph_->FrameOf(*task));
        if (at == standing.end()) {
          row.partial = true;
          break;
        }
        const auto [thread, depth] = at->second;
        row.thread = static_cast<int32_t>(thread);
        for (size_t i = 0; i <= depth; ++i) row.frames.push_back(threads_[thread][i]);
        break;
      }
      case CoroutineState::kForeign:
        row.state = runs.contains(index) ? TaskState::kRunning : TaskState::kForeign;
        break;
      case CoroutineState::kFinished:
      case CoroutineState::kBroken:
        row.partial = true;
        break;
    }
    tasks_.push_back(std::move(row));
  }
}

void Picture::ReadValues(const StackReader& reader) {
  const auto read = [this](std::vector<PictureFrame>* frames) {
    for (size_t i = 0; i < frames->size(); ++i) {
      PictureFrame& frame = (*frames)[i];
      if (frame.address == 0 || (options_.frame && *options_.frame != i)) continue;
      frame.variables = ReadVariables(&memory_, layout_, values_.get(), frame.address);
    }
  };
  for (size_t i = 0; i < threads_.size(); ++i) {
    const uint64_t id = reader.samples()[i].native_id;
    if (!options_.threads.empty() && !options_.threads.contains(id)) continue;
    read(&threads_[i]);
  }
  if (!options_.threads.empty()) return;
  for (PictureTask& task : tasks_) {
    // A running task's frames are its thread's.
    if (task.state == TaskState::kSuspended) read(&task.frames);
  }
}

}  // namespace pyprof
