#include "asyncio/task_graph.h"

#include <algorithm>
#include <string_view>

#include "memory/load.h"
#include "objects/values.h"
#include "stack/suspended_stack.h"

namespace pyprof {
namespace {

// Bounds against memory that lies; each is far above what a program has.
constexpr size_t kMaxTasks = 1u << 17;
constexpr size_t kMaxFrames = 1u << 20;
constexpr size_t kMaxFramesOfTask = 1u << 14;
/// Members of a set of awaiters that are looked at; two tasks are as good as more.
constexpr size_t kMaxCandidates = 16;
constexpr uint64_t kMaxSetMask = (1u << 20) - 1;
/// Subclasses of subclasses of asyncio.Task.
constexpr int kMaxBases = 16;
constexpr uint64_t kMaxName = 256;

constexpr uint8_t kOwnedByGenerator = 1;

/// setentry: key, hash; the hash of a deleted entry is -1 (Include/cpython/setobject.h).
constexpr uint64_t kSetEntry = 16;
constexpr uint64_t kDeletedHash = ~uint64_t{0};

/// From tp_flags to tp_base in PyTypeObject (Include/cpython/object.h), the same since Python 3.0.
constexpr uint64_t kBaseFromFlags = 88;

enum class FrameState { kCreated, kSuspended, kAwaiting, kExecuting, kCleared, kUnknown };

/// Values of PyFrameState (Include/internal/pycore_frame.h).
FrameState FrameStateOf(int minor, int8_t value) {
  if (minor >= 15) {
    switch (value) {
      case 0:
        return FrameState::kCreated;
      case 1:
        return FrameState::kSuspended;
      case 2:  // FRAME_SUSPENDED_YIELD_FROM
      case 3:  // the same, locked
        return FrameState::kAwaiting;
      case 4:
        return FrameState::kExecuting;
      case 5:
        return FrameState::kCleared;
      default:
        return FrameState::kUnknown;
    }
  }
  switch (value) {
    case -3:
      return FrameState::kCreated;
    case -2:
      return FrameState::kSuspended;
    case -1:
      return FrameState::kAwaiting;
    case 0:
      return FrameState::kExecuting;
    case 4:
      return FrameState::kCleared;
    default:
      return FrameState::kUnknown;
  }
}

/// The three kinds of objects with a frame inside; one struct in CPython (_PyGenObject_HEAD).
bool HasFrame(const Type& type) {
  return !type.Has(kHeapType) &&
         (type.name == "coroutine" || type.name == "generator" || type.name == "async_generator");
}

/// Objects whose first field is what they stand for: PyCoroWrapper (cw_coroutine), PyAsyncGenASend
/// (ags_gen), PyAsyncGenAThrow (agt_gen), anextawaitableobject (wrapped).
bool IsWrapper(const Type& type) {
  return !type.Has(kHeapType) &&
         (type.name == "coroutine_wrapper" || type.name == "async_generator_asend" ||
          type.name == "async_generator_athrow" || type.name == "anext_awaitable");
}

/// A name as asyncio gives it to a task that has none.
bool IsNumbered(std::string_view name) {
  constexpr std::string_view kPrefix = "Task-";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
         name.find_first_not_of("0123456789", kPrefix.size()) == std::string_view::npos;
}

}  // namespace

TaskGraph::TaskGraph(PageMemory* memory, const Layout& layout, const AsyncioOffsets& offsets,
                     bool numbers)
    : memory_(memory),
      layout_(layout),
      offsets_(offsets),
      numbers_(numbers),
      types_(memory, layout) {
  coroutine_bytes_ = layout_.generator.gi_iframe + layout_.frame.size;
  coroutine_bytes_ = std::max<size_t>({coroutine_bytes_, layout_.generator.gi_frame_state + 1,
                                       layout_.object.ob_type + 8, layout_.object.size + 8});
}

void TaskGraph::Begin() {
  types_.Forget();
  tasks_.clear();
  index_.clear();
  task_types_.clear();
  read_ = 0;
  frames_ = 0;
}

size_t TaskGraph::Add(uint64_t address) {
  const auto [at, is_new] = index_.try_emplace(address, tasks_.size());
  if (is_new) {
    if (tasks_.size() >= kMaxTasks) {
      index_.erase(at);
      return kNoTask;
    }
    tasks_.emplace_back(address);
  }
  return at->second;
}

bool TaskGraph::AddList(uint64_t head, std::vector<size_t>* found) {
  uint64_t node[2];  // next, prev
  if (!memory_->Read(head, node, sizeof(node))) return false;
  uint64_t before = head;
  uint64_t at = node[0];
  if (at == 0) return true;  // not in use yet
  for (size_t count = 0; at != head; ++count) {
    if (count >= kMaxTasks || at % 8 != 0 || !memory_->Read(at, node, sizeof(node)) ||
        node[1] != before) {
      return false;
    }
    const size_t task = Add(at - offsets_.task.node);
    if (task == kNoTask) return false;
    found->push_back(task);
    before = at;
    at = node[0];
  }
  return true;
}

bool TaskGraph::IsTaskType(uint64_t address) {
  const auto [at, is_new] = task_types_.try_emplace(address, false);
  if (!is_new) return at->second;
  uint64_t type_address = address;
  for (int i = 0; i < kMaxBases && type_address != 0; ++i) {
    const Type* type = types_.At(type_address);
    if (type == nullptr || type->basicsize < offsets_.task.size) break;
    if (type->name == "_asyncio.Task") return task_types_[address] = true;
    const uint64_t base = type_address + layout_.type.tp_flags + kBaseFromFlags;
    if (!memory_->ReadValue(base, &type_address)) break;
  }
  return false;
}

bool TaskGraph::IsTask(const std::byte* bytes) {
  return Load<uint8_t>(bytes + offsets_.task.is_task) == 1 &&
         IsTaskType(Load<uint64_t>(bytes + layout_.object.ob_type));
}

void TaskGraph::ReadTask(Task* task, std::vector<Claim>* claims) {
  bytes_.resize(offsets_.task.size);
  if (task->address % 8 != 0 || !memory_->Read(task->address, bytes_.data(), bytes_.size())) {
    task->reason = Reason::kUnreadable;
    return;
  }
  if (!IsTask(bytes_.data())) {
    task->reason = Reason::kMoved;
    return;
  }
  task->sound = true;
  task->coroutine = Load<uint64_t>(bytes_.data() + offsets_.task.coro);
  task->name_object = Load<uint64_t>(bytes_.data() + offsets_.task.name);
  const auto awaited_by = Load<uint64_t>(bytes_.data() + offsets_.task.awaited_by);
  if (awaited_by == 0) {
    task->awaiters = Awaiters::kNone;
    return;
  }
  const bool is_set = Load<uint8_t>(bytes_.data() + offsets_.task.awaited_by_is_set) != 0;
  claims->push_back({static_cast<size_t>(task - tasks_.data()), awaited_by, is_set, {}});
  if (!is_set) claims->back().candidates.push_back(awaited_by);
}

/// Finds the members of a set of awaiters: some of them, when there are many.
void TaskGraph::ReadSet(Claim* claim) {
  const auto& set = layout_.set;
  const size_t size =
      std::max({layout_.object.ob_type, set.used, set.table, set.mask}) + sizeof(uint64_t);
  bytes_.resize(size);
  if (claim->object % 8 != 0 || !memory_->Read(claim->object, bytes_.data(), size)) return;
  const Type* type = types_.At(Load<uint64_t>(bytes_.data() + layout_.object.ob_type));
  const auto table = Load<uint64_t>(bytes_.data() + set.table);
  const auto mask = Load<uint64_t>(bytes_.data() + set.mask);
  if (type == nullptr || type->name != "set" || mask > kMaxSetMask) return;
  bytes_.resize((mask + 1) * kSetEntry);
  if (!memory_->Read(table, bytes_.data(), bytes_.size())) return;
  for (uint64_t i = 0; i <= mask && claim->candidates.size() < kMaxCandidates; ++i) {
    const auto key = Load<uint64_t>(bytes_.data() + i * kSetEntry);
    if (key != 0 && Load<uint64_t>(bytes_.data() + i * kSetEntry + 8) != kDeletedHash) {
      claim->candidates.push_back(key);
    }
  }
}

/// Decides who awaits a task: futures that await it, which no stack shows, are passed over.
void TaskGraph::Judge(const Claim& claim) {
  size_t awaiters = 0;
  uint64_t awaiter = 0;
  bool unreadable = claim.candidates.empty() && claim.is_set;
  for (const uint64_t candidate : claim.candidates) {
    bytes_.resize(offsets_.task.size);
    // A future is shorter than a task; what tells them apart lies in the part that both have.
    const size_t head = std::max(layout_.object.ob_type + 8, offsets_.task.is_task + 1);
    if (candidate % 8 != 0 || !memory_->Read(candidate, bytes_.data(), head)) {
      unreadable = true;
    } else if (Load<uint8_t>(bytes_.data() + offsets_.task.is_task) != 0) {
      if (IsTask(bytes_.data())) {
        awaiter = candidate;
        ++awaiters;
        tasks_[claim.task].awaited_by.push_back(candidate);
      } else {
        unreadable = true;
      }
    } else if (types_.At(Load<uint64_t>(bytes_.data() + layout_.object.ob_type)) == nullptr) {
      unreadable = true;
    }
  }
  Awaiters verdict = Awaiters::kNone;
  size_t index = 0;
  if (awaiters > 1) {
    verdict = Awaiters::kSeveral;
  } else if (unreadable || claim.candidates.size() >= kMaxCandidates) {
    verdict = Awaiters::kUnknown;
  } else if (awaiters == 1) {
    index = Add(awaiter);
    verdict = index == kNoTask ? Awaiters::kUnknown : Awaiters::kOne;
  }
  Task& task = tasks_[claim.task];
  task.awaiters = verdict;
  task.awaiter = index;
}

void TaskGraph::ReadTasks() {
  std::vector<Claim> claims;
  while (read_ < tasks_.size()) {
    ranges_.clear();
    for (size_t i = read_; i < tasks_.size(); ++i) {
      ranges_.push_back({tasks_[i].address, offsets_.task.size});
    }
    memory_->Prepare(ranges_);
    claims.clear();
    for (; read_ < tasks_.size(); ++read_) ReadTask(&tasks_[read_], &claims);

    // Sets and single awaiters together, then what the sets hold.
    ranges_.clear();
    for (const Claim& claim : claims) ranges_.push_back({claim.object, layout_.set.size});
    memory_->Prepare(ranges_);
    ranges_.clear();
    for (Claim& claim : claims) {
      if (claim.is_set) ReadSet(&claim);
      for (const uint64_t candidate : claim.candidates) {
        ranges_.push_back({candidate, offsets_.task.size});
      }
    }
    memory_->Prepare(ranges_);
    for (const Claim& claim : claims) Judge(claim);
  }
}

void TaskGraph::End(Task* task, Reason reason) {
  task->reason = reason;
  if (task->frames.empty()) task->state = CoroutineState::kBroken;
}

uint64_t TaskGraph::Follow(const Descent& at, uint64_t* stack_top) {
  Task& task = tasks_[at.task];
  const bool first = task.frames.empty();
  bytes_.resize(coroutine_bytes_);
  const Range range{at.object, bytes_.size()};
  const int64_t got =
      at.object % 8 == 0 ? memory_->ReadRanges({&range, 1}, bytes_.data()) : int64_t{-1};
  const auto has = [got](uint64_t end) { return got >= static_cast<int64_t>(end); };
  if (!has(std::max(layout_.object.ob_type, layout_.object.size) + 8)) {
    End(&task, Reason::kUnreadable);
    return 0;
  }
  const Type* type = types_.At(Load<uint64_t>(bytes_.data() + layout_.object.ob_type));
  if (type == nullptr) {
    End(&task, Reason::kMoved);
    return 0;
  }
  if (!HasFrame(*type)) {
    if (first) task.state = CoroutineState::kForeign;
    return !first && IsWrapper(*type) ? Load<uint64_t>(bytes_.data() + layout_.object.size) : 0;
  }
  if (!has(coroutine_bytes_)) {
    End(&task, Reason::kUnreadable);
    return 0;
  }
  const FrameState state =
      FrameStateOf(layout_.Minor(), Load<int8_t>(bytes_.data() + layout_.generator.gi_frame_state));
  if (state == FrameState::kExecuting || state == FrameState::kCleared) {
    if (!first) {
      // Its awaiter is suspended, so this one cannot run, nor have returned.
      End(&task, Reason::kMoved);
    } else {
      task.state =
          state == FrameState::kExecuting ? CoroutineState::kRunning : CoroutineState::kFinished;
    }
    return 0;
  }
  const std::byte* frame = bytes_.data() + layout_.generator.gi_iframe;
  const uint64_t code = Load<uint64_t>(frame + layout_.frame.executable) & ~kTagBits;
  if (state == FrameState::kUnknown || code == 0 ||
      Load<uint8_t>(frame + layout_.frame.owner) != kOwnedByGenerator) {
    End(&task, Reason::kMoved);
    return 0;
  }
  if (task.frames.size() >= kMaxFramesOfTask || frames_ >= kMaxFrames) {
    End(&task, Reason::kTruncated);
    return 0;
  }
  ++frames_;
  task.frames.push_back({at.object + layout_.generator.gi_iframe, code,
                         Load<uint64_t>(frame + layout_.frame.instr_ptr)});
  task.state = CoroutineState::kSuspended;
  if (state != FrameState::kAwaiting) return 0;
  *stack_top = Load<uint64_t>(frame + layout_.frame.stackpointer);
  return 0;
}

/// What a suspended frame awaits.
uint64_t TaskGraph::Awaited(const Descent& at, uint64_t stack_top) {
  const uint64_t base = at.object + layout_.generator.gi_iframe + layout_.frame.localsplus;
  const uint64_t used = stack_top - base;
  uint64_t words[2] = {0, 0};
  if (IsStackInUse(used) && memory_->Read(stack_top - sizeof(words), words, sizeof(words))) {
    const uint64_t top = TopOfStack(words, used);
    if (top != 0) return top;
  }
  End(&tasks_[at.task], Reason::kMoved);
  return 0;
}

/// All chains go down together, so that one read serves a whole level.
void TaskGraph::ReadCoroutines() {
  std::vector<Descent> level;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    Task& task = tasks_[i];
    if (!task.sound) continue;
    if (task.coroutine == 0) {
      task.state = CoroutineState::kFinished;
    } else {
      level.push_back({i, task.coroutine});
    }
  }
  std::vector<Descent> next;
  std::vector<uint64_t> tops;
  // A wrapper is a level too, and adds no frame.
  for (size_t depth = 0; !level.empty(); ++depth) {
    if (depth > 2 * kMaxFramesOfTask) {
      for (const Descent& at : level) End(&tasks_[at.task], Reason::kTruncated);
      return;
    }
    ranges_.clear();
    for (const Descent& at : level) ranges_.push_back({at.object, coroutine_bytes_});
    memory_->Prepare(ranges_);
    next.clear();
    tops.assign(level.size(), 0);
    ranges_.clear();
    for (size_t i = 0; i < level.size(); ++i) {
      const uint64_t wrapped = Follow(level[i], &tops[i]);
      if (wrapped != 0) next.push_back({level[i].task, wrapped});
      if (tops[i] != 0) ranges_.push_back({tops[i] - 16, 16});
    }
    memory_->Prepare(ranges_);
    for (size_t i = 0; i < level.size(); ++i) {
      if (tops[i] == 0) continue;
      const uint64_t awaited = Awaited(level[i], tops[i]);
      if (awaited != 0) next.push_back({level[i].task, awaited});
    }
    std::swap(level, next);
  }
}

void TaskGraph::ReadNames() {
  std::vector<uint64_t> objects;
  ranges_.clear();
  for (const Task& task : tasks_) {
    objects.push_back(task.name_object);
    // ReadStrings takes the head and, mostly, the text at once; it would merge what lies between.
    ranges_.push_back({task.name_object, 128});
  }
  memory_->Prepare(ranges_);
  const auto names = ReadStrings(memory_, layout_, &types_, objects, kMaxName);
  // asyncio numbers tasks lazily: until somebody asks for the name, it is an int.
  const auto numbers = ReadLongs(memory_, layout_, &types_, objects);
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (numbers_ && numbers[i]) {
      tasks_[i].name = "Task-" + std::to_string(*numbers[i]);
    } else if (!numbers_ && (numbers[i] || (names[i] && IsNumbered(*names[i])))) {
      tasks_[i].name = "Task-*";
    } else if (names[i]) {
      tasks_[i].name = *names[i];
    }
  }
}

void TaskGraph::ReadDetails() {
  ReadCoroutines();
  ReadNames();
}

}  // namespace pyprof
