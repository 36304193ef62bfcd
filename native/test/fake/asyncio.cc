#include "test/fake/asyncio.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "objects/types.h"

namespace pyprof::test {
namespace {

constexpr uint64_t kSetEntry = 16;
constexpr uint64_t kBaseFromFlags = 88;
/// The null that 3.15 keeps above what a coroutine awaits.
constexpr uint64_t kNullReference = 1;

const char* Name(Quality quality) {
  constexpr const char* kNames[] = {"exact", "repaired", "partial", "missed"};
  return kNames[static_cast<size_t>(quality)];
}

const char* Name(Reason reason) {
  constexpr const char* kNames[] = {"",          "unreadable", "moved",       "yielded",
                                    "truncated", "freed code", "thread gone", "process gone",
                                    "unproved",  "late"};
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace

std::vector<uint64_t> FakeAsyncio::Table(int minor) {
  // As 3.14.10 and 3.15.2 for x86-64 publish it.
  if (minor == 14) {
    return {168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880};
  }
  return {168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048};
}

FakeAsyncio::FakeAsyncio(FakePython* python) : python_(python), memory_(python->memory()) {
  const std::vector<uint64_t> table = Table(python->minor());
  const auto offsets = ParseAsyncioOffsets(std::as_bytes(std::span(table)), python->layout());
  if (!offsets) {
    std::fprintf(stderr, "real offsets of asyncio are refused\n");
    std::abort();
  }
  offsets_ = *offsets;
  type_type_ = Type("type", kTypeSubclass, 0);
  memory_.Put(type_type_ + python->layout().object.ob_type, type_type_);
  future_type_ = Type("_asyncio.Future", kHeapType, 0);
  task_type_ = Type("_asyncio.Task", kHeapType, future_type_);
  memory_.Put(task_type_ + python->layout().type.tp_name + 8, offsets_.task.size);
  set_type_ = Type("set", 0, 0);
  int_type_ = Type("int", kLongSubclass, 0);
  str_type_ = Type("str", kUnicodeSubclass, 0);
}

uint64_t FakeAsyncio::Type(std::string_view name, uint64_t flags, uint64_t base) {
  const auto& layout = python_->layout();
  const uint64_t text = python_->Allocate(name.size() + 1);
  memory_.Write(text, name);
  const uint64_t size =
      std::max(layout.type.size, layout.type.tp_flags + kBaseFromFlags + sizeof(uint64_t));
  const uint64_t type = python_->Allocate(size);
  memory_.Put(type + layout.object.ob_type, type_type_);
  memory_.Put(type + layout.type.tp_name, text);
  memory_.Put(type + layout.type.tp_name + 8, uint64_t{64});  // tp_basicsize
  memory_.Put(type + layout.type.tp_flags, flags);
  memory_.Put(type + layout.type.tp_flags + kBaseFromFlags, base);
  return type;
}

uint64_t FakeAsyncio::BuiltIn(std::string_view name) {
  const auto found = types_.find(name);
  if (found != types_.end()) return found->second;
  return types_.emplace(name, Type(name, 0, 0)).first->second;
}

FakeGenerator FakeAsyncio::Made(std::string_view function, std::string_view type) {
  const FakeGenerator made = python_->Generator(function);
  memory_.Put(made.object + python_->layout().object.ob_type, BuiltIn(type));
  SetState(made, -3, 0);
  return made;
}

uint64_t FakeAsyncio::Wrapper(std::string_view type, uint64_t stands_for) {
  const uint64_t at = python_->Allocate(48);
  memory_.Put(at + python_->layout().object.ob_type, BuiltIn(type));
  memory_.Put(at + python_->layout().object.size, stands_for);
  return at;
}

uint64_t FakeAsyncio::Future() {
  const uint64_t at = python_->Allocate(128);
  memory_.Put(at + python_->layout().object.ob_type, future_type_);
  return at;
}

uint64_t FakeAsyncio::Instance(std::string_view class_name) {
  const uint64_t at = python_->Allocate(48);
  memory_.Put(at + python_->layout().object.ob_type, Subclass(class_name, 0));
  return at;
}

uint64_t FakeAsyncio::Subclass(std::string_view name, uint64_t base) {
  const uint64_t type = Type(name, kHeapType, base);
  if (base != 0) {
    const uint64_t size = python_->layout().type.tp_name + 8;
    memory_.Put(type + size, memory_.Get<uint64_t>(base + size) + 16);
  }
  return type;
}

uint64_t FakeAsyncio::Int(uint32_t value) {
  const uint64_t at = python_->Allocate(48);
  memory_.Put(at + python_->layout().object.ob_type, int_type_);
  memory_.Put(at + python_->layout().long_.lv_tag, uint64_t{1} << 3);
  memory_.Put(at + python_->layout().long_.ob_digit, value);
  return at;
}

uint64_t FakeAsyncio::TaskOfClass(uint64_t type, uint64_t coroutine, uint64_t name) {
  const uint64_t at = python_->Allocate(offsets_.task.size);
  memory_.Put(at + python_->layout().object.ob_type, type);
  memory_.Put<uint8_t>(at + offsets_.task.is_task, 1);
  memory_.Put(at + offsets_.task.coro, coroutine);
  memory_.Put(at + offsets_.task.name, name);
  return at;
}

uint64_t FakeAsyncio::Task(const FakeGenerator& coroutine, uint64_t name) {
  return TaskOfClass(task_type_, coroutine.object, name);
}

uint64_t FakeAsyncio::Task(const FakeGenerator& coroutine, std::string_view name) {
  const uint64_t text = python_->Str(name);
  memory_.Put(text + python_->layout().object.ob_type, str_type_);
  return Task(coroutine, text);
}

void FakeAsyncio::Append(uint64_t head, uint64_t node) {
  auto last = memory_.Get<uint64_t>(head + 8);
  if (last == 0) last = head;
  memory_.Put(last, node);
  memory_.Put(node, head);
  memory_.Put(node + 8, last);
  memory_.Put(head + 8, node);
}

void FakeAsyncio::List(const FakeThread& thread, uint64_t task) {
  Append(thread.state() + offsets_.thread.tasks_head, task + offsets_.task.node);
}

void FakeAsyncio::ListInInterpreter(uint64_t interpreter, uint64_t task) {
  Append(interpreter + offsets_.interpreter.tasks_head, task + offsets_.task.node);
}

void FakeAsyncio::SetRunning(const FakeThread& thread, uint64_t task) {
  memory_.Put(thread.state() + offsets_.thread.running_loop, python_->none());
  memory_.Put(thread.state() + offsets_.thread.running_task, task);
}

void FakeAsyncio::SetState(const FakeGenerator& coroutine, int8_t state_of_14, int8_t state_of_15) {
  memory_.Put<int8_t>(coroutine.object + python_->layout().generator.gi_frame_state,
                      python_->minor() >= 15 ? state_of_15 : state_of_14);
}

void FakeAsyncio::Suspend(const FakeGenerator& coroutine, uint64_t awaited, int line) {
  const auto& frame = python_->layout().frame;
  Yield(coroutine, line);
  SetState(coroutine, -1, 2);
  uint64_t top = coroutine.frame + frame.localsplus + 16;  // behind two locals
  memory_.Put(top, awaited);
  top += 8;
  if (python_->minor() >= 15) {
    memory_.Put(top, kNullReference);
    top += 8;
  }
  memory_.Put(coroutine.frame + frame.stackpointer, top);
}

void FakeAsyncio::Yield(const FakeGenerator& coroutine, int line) {
  const auto code = memory_.Get<uint64_t>(coroutine.frame + python_->layout().frame.executable);
  python_->SetInstruction(coroutine.frame, python_->InstructionAt(code, line));
  SetState(coroutine, -2, 1);
}

void FakeAsyncio::SetAwaiter(uint64_t task, uint64_t awaiter) {
  memory_.Put(task + offsets_.task.awaited_by, awaiter);
  memory_.Put<uint8_t>(task + offsets_.task.awaited_by_is_set, 0);
}

void FakeAsyncio::SetAwaiters(uint64_t task, const std::vector<uint64_t>& slots) {
  const auto& layout = python_->layout();
  uint64_t length = 8;
  while (length < slots.size()) length *= 2;
  const uint64_t table = python_->Allocate(length * kSetEntry);
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == 0) continue;
    const bool deleted = slots[i] == 1;
    memory_.Put(table + i * kSetEntry, deleted ? python_->none() : slots[i]);
    memory_.Put(table + i * kSetEntry + 8, deleted ? ~uint64_t{0} : uint64_t{4711});
  }
  const uint64_t set = python_->Allocate(layout.set.size);
  memory_.Put(set + layout.object.ob_type, set_type_);
  memory_.Put(set + layout.set.used, static_cast<uint64_t>(slots.size()));
  memory_.Put(set + layout.set.table, table);
  memory_.Put(set + layout.set.mask, length - 1);
  memory_.Put(task + offsets_.task.awaited_by, set);
  memory_.Put<uint8_t>(task + offsets_.task.awaited_by_is_set, 1);
}

FakeTaskReader::FakeTaskReader(FakePython* python, const FakeAsyncio& asyncio, TaskScope scope,
                               Motion motion)
    : python_(python),
      motion_(motion),
      reader_(&python->memory(), python->runtime(), FakePython::kFirstNativeId, &tables_),
      tasks_(&python->memory(), python->runtime(), asyncio.offsets(), scope, &tables_) {
  reader_.KeepChains();
}

SampleStatus FakeTaskReader::Sample() {
  const SampleStatus status = reader_.Sample(motion_);
  if (status == SampleStatus::kOk) tasks_.Read(reader_, motion_);
  return status;
}

std::vector<std::string> FakeTaskReader::Frames(int32_t stack, bool lines) {
  tables_.TakeNew(&rows_);
  std::vector<std::string> frames;
  for (; stack != kNoStack; stack = rows_.stacks.at(static_cast<size_t>(stack)).parent) {
    const StackRow& row = rows_.stacks.at(static_cast<size_t>(stack));
    const FrameRow& frame = rows_.frames.at(static_cast<size_t>(row.frame));
    const FunctionRow& function = rows_.functions.at(static_cast<size_t>(frame.function));
    std::string text = rows_.strings.at(static_cast<size_t>(function.qualname));
    const bool is_code = function.first_line != 0;
    if (lines && is_code) text.append(":").append(std::to_string(frame.location.line));
    frames.push_back(std::move(text));
  }
  std::reverse(frames.begin(), frames.end());
  return frames;
}

std::string FakeTaskReader::Line(std::string head, Quality quality, Reason reason, int32_t stack,
                                 bool lines) {
  if (quality != Quality::kExact) {
    head.append(" [").append(Name(quality)).append(" ").append(Name(reason)).append("]");
  }
  head += ":";
  for (const std::string& frame : Frames(stack, lines)) head.append(" ").append(frame);
  return head;
}

std::string FakeTaskReader::Draw(bool lines) {
  if (Sample() != SampleStatus::kOk) return "no sample";
  std::string picture;
  for (const ThreadSample& sample : tasks_.samples()) {
    if (!picture.empty()) picture += "\n";
    picture += Line(python_->ThreadName(sample.native_id), sample.quality, sample.reason,
                    sample.stack, lines);
  }
  for (const WaitingTask& task : tasks_.waiting()) {
    std::string head = "waiting in ";
    if (task.sample < 0) {
      head.append("interpreter ").append(std::to_string(task.interpreter));
    } else {
      const auto sample = static_cast<size_t>(task.sample);
      head += python_->ThreadName(tasks_.samples()[sample].native_id);
    }
    picture.append("\n").append(Line(head, task.quality, task.reason, task.stack, lines));
  }
  return picture;
}

}  // namespace pyprof::test
