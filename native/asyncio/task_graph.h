#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/page_memory.h"
#include "objects/types.h"
#include "runtime/layout.h"
#include "stack/quality.h"

namespace pyprof {

/// How a task's coroutine stood when it was copied.
enum class CoroutineState {
  /// At an await, or not begun yet: Task::frames is its chain.
  kSuspended,
  /// On some thread's stack.
  kRunning,
  /// It has returned; the task is about to go.
  kFinished,
  /// Not a coroutine of the interpreter's, but of compiled code: its frames cannot be had.
  kForeign,
  /// What was copied does not hold together; Task::reason says why.
  kBroken,
};

/// Who awaits a task.
enum class Awaiters { kNone, kOne, kSeveral, kUnknown };

/// A frame of a suspended coroutine.
struct CoroutineFrame {
  uint64_t address;
  uint64_t code;
  uint64_t instruction;
};

struct Task {
  explicit Task(uint64_t at) : address(at) {}

  uint64_t address;
  uint64_t coroutine = 0;
  uint64_t name_object = 0;
  /// Whether it is a task at all.
  bool sound = false;
  Awaiters awaiters = Awaiters::kUnknown;
  /// Index of the task that awaits this one, when that is exactly one.
  size_t awaiter = 0;
  /// Addresses of the tasks that await it: when they are very many, some.
  std::vector<uint64_t> awaited_by;
  CoroutineState state = CoroutineState::kBroken;
  /// Why state is kBroken, or the chain ends early.
  Reason reason = Reason::kNone;
  /// Outermost first.
  std::vector<CoroutineFrame> frames;
  /// Empty: not readable. `Task-*` for every task that asyncio itself has numbered, unless the
  /// numbers are asked for.
  std::string name;
};

inline constexpr size_t kNoTask = SIZE_MAX;

/// The tasks of one sample, as asyncio's own structures link them (Modules/_asynciomodule.c):
/// - each thread has a list of the tasks made on it, and each interpreter one of those whose thread
///   is gone;
/// - `task_awaited_by` is the task or future that awaits a task, or a set of them;
/// - what a suspended coroutine awaits lies on top of its frame's stack; coroutines, generators,
///   async generators and their wrappers are followed down to the future.
/// Everything is checked to be what it should be, and every loop has a bound.
class TaskGraph {
 public:
  /// @param numbers keep the numbers that asyncio gives to tasks without a name
  TaskGraph(PageMemory* memory, const Layout& layout, const AsyncioOffsets& offsets,
            bool numbers = false);

  void Begin();

  /// Index of the task at the address; kNoTask when there are too many.
  size_t Add(uint64_t address);
  /// Adds what hangs on the list's head. False when the list could not be followed to its end.
  bool AddList(uint64_t head, std::vector<size_t>* found);
  /// Reads all tasks added, and those that await them, and so on.
  void ReadTasks();
  /// Reads coroutines and names of all of them.
  void ReadDetails();

  const std::vector<Task>& tasks() const { return tasks_; }
  /// Address of the frame of the task's own coroutine.
  uint64_t FrameOf(const Task& task) const { return task.coroutine + layout_.generator.gi_iframe; }

 private:
  /// What one task is awaited by, before it is known what these objects are.
  struct Claim {
    size_t task;
    uint64_t object;
    bool is_set;
    std::vector<uint64_t> candidates;
  };
  /// A coroutine chain on its way down.
  struct Descent {
    size_t task;
    uint64_t object;
  };

  bool IsTask(const std::byte* bytes);
  bool IsTaskType(uint64_t type);
  void ReadTask(Task* task, std::vector<Claim>* claims);
  void ReadSet(Claim* claim);
  void Judge(const Claim& claim);
  /// The object that this one awaits, to be looked at next; 0 at the end of the chain.
  uint64_t Follow(const Descent& at, uint64_t* stack_top);
  uint64_t Awaited(const Descent& at, uint64_t stack_top);
  void End(Task* task, Reason reason);
  void ReadCoroutines();
  void ReadNames();

  PageMemory* memory_;
  const Layout& layout_;
  const AsyncioOffsets offsets_;
  const bool numbers_;
  Types types_;
  size_t coroutine_bytes_;

  std::vector<Task> tasks_;
  std::unordered_map<uint64_t, size_t> index_;  // by address
  std::unordered_map<uint64_t, bool> task_types_;
  size_t read_ = 0;
  size_t frames_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<Range> ranges_;
};

}  // namespace pyprof
