#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/asyncio_offsets.h"
#include "asyncio/task_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {

/// asyncio in a fake Python: tasks, the coroutines that they run, and who awaits whom, laid out as
/// CPython 3.14 and 3.15 do it.
class FakeAsyncio {
 public:
  explicit FakeAsyncio(FakePython* python);

  /// The table as the real interpreter of this minor publishes it.
  static std::vector<uint64_t> Table(int minor);
  const AsyncioOffsets& offsets() const { return offsets_; }

  /// A coroutine of this function that has not begun.
  FakeGenerator Coroutine(std::string_view function) { return Made(function, "coroutine"); }
  FakeGenerator Made(std::string_view function, std::string_view type);
  /// An object of a built-in type whose first field is `stands_for`.
  uint64_t Wrapper(std::string_view type, uint64_t stands_for);
  uint64_t Future();
  /// An object of a class of the program.
  uint64_t Instance(std::string_view class_name);

  /// A task of asyncio's own class, not in any list yet.
  uint64_t Task(const FakeGenerator& coroutine, uint64_t name);
  uint64_t Task(const FakeGenerator& coroutine, std::string_view name);
  uint64_t TaskOfClass(uint64_t type, uint64_t coroutine, uint64_t name);
  /// A class made from another one by a class statement.
  uint64_t Subclass(std::string_view name, uint64_t base);
  uint64_t task_type() const { return task_type_; }
  uint64_t Int(uint32_t value);

  /// Puts a task at the end of a thread's list, or of an interpreter's.
  void List(const FakeThread& thread, uint64_t task);
  void ListInInterpreter(uint64_t interpreter, uint64_t task);
  /// Says that the thread runs the task in its loop; 0: that it runs none.
  void SetRunning(const FakeThread& thread, uint64_t task);

  /// The coroutine waits for the object, at its first line plus `line`.
  void Suspend(const FakeGenerator& coroutine, uint64_t awaited, int line = 1);
  /// It has yielded by itself.
  void Yield(const FakeGenerator& coroutine, int line = 1);
  void SetState(const FakeGenerator& coroutine, int8_t state_of_14, int8_t state_of_15);
  void SetExecuting(const FakeGenerator& coroutine) { SetState(coroutine, 0, 4); }
  void SetCleared(const FakeGenerator& coroutine) { SetState(coroutine, 4, 5); }

  void SetAwaiter(uint64_t task, uint64_t awaiter);
  /// A set of awaiters; 0 stands for an empty slot, 1 for a deleted one.
  void SetAwaiters(uint64_t task, const std::vector<uint64_t>& slots);

 private:
  uint64_t Type(std::string_view name, uint64_t flags, uint64_t base);
  uint64_t BuiltIn(std::string_view name);
  void Append(uint64_t head, uint64_t node);

  FakePython* python_;
  FakeMemory& memory_;
  AsyncioOffsets offsets_;
  uint64_t type_type_ = 0;
  uint64_t task_type_ = 0;
  uint64_t future_type_ = 0;
  uint64_t set_type_ = 0;
  uint64_t int_type_ = 0;
  uint64_t str_type_ = 0;
  std::map<std::string, uint64_t, std::less<>> types_;
};

/// Samples a fake Python by task and draws what came, as FakeReader does, and then the waiting
/// tasks, a line each: `waiting in THREAD [quality reason]: root leaf`.
class FakeTaskReader {
 public:
  FakeTaskReader(FakePython* python, const FakeAsyncio& asyncio, TaskScope scope,
                 Motion motion = Motion::kStill);

  std::string Picture() { return Draw(false); }
  std::string PictureWithLines() { return Draw(true); }
  SampleStatus Sample();
  TaskReader& tasks() { return tasks_; }
  std::vector<std::string> Names(int32_t stack) { return Frames(stack, false); }

 private:
  std::string Draw(bool lines);
  std::string Line(std::string head, Quality quality, Reason reason, int32_t stack, bool lines);
  std::vector<std::string> Frames(int32_t stack, bool lines);

  FakePython* python_;
  Motion motion_;
  Tables tables_;
  NewRows rows_;
  StackReader reader_;
  TaskReader tasks_;
};

}  // namespace pyprof::test
