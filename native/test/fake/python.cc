#include "test/fake/python.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "runtime/debug_offsets.h"
#include "test/fake/location_encoder.h"

namespace pyprof::test {
namespace {

// Addresses that no real process uses, so that one can be given a fake Python's memory.
constexpr uint64_t kHeap = 0x210000000000;
constexpr uint64_t kInterpreters = 0x220000000000;
constexpr uint64_t kStates = 0x230000000000;
constexpr uint64_t kChunks = 0x240000000000;
constexpr uint64_t kCStacks = 0x260000000000;

constexpr uint64_t kInterpreterGap = 1 << 20;
constexpr uint64_t kStateGap = 64 << 10;
constexpr uint64_t kCStackGap = 1 << 30;
/// What the C code between two evaluation loops takes of the C stack.
constexpr uint64_t kCFrames = 432;

// _PyStackChunk: previous, size, top, data.
constexpr uint64_t kChunkSize = 8;
constexpr uint64_t kChunkTop = 16;
constexpr uint64_t kChunkData = 24;
constexpr uint64_t kDefaultChunk = 16 * 1024;
/// MINIMUM_OVERHEAD of push_chunk, in words.
constexpr uint64_t kChunkOverhead = 1000;

/// Where 3.15 keeps its base frame: in the part of the thread state that is not published.
constexpr uint64_t kBaseFrameInState = 1200;
constexpr uint64_t kStateSize = 2048;

constexpr uint8_t kOwnedByThread = 0;
constexpr uint8_t kOwnedByGenerator = 1;
constexpr uint8_t kOwnedByInterpreter = 3;

// Bits of tp_flags (Include/object.h).
constexpr uint64_t kUnicodeSubclass = 1u << 28;
constexpr uint64_t kTypeSubclass = 1u << 31;
/// Of a class, behind what is published.
constexpr uint64_t kClassTail = 640;

/// What freed memory is filled with.
constexpr uint64_t kGarbage = 0xdbdbdbdbdbdbdbdb;

}  // namespace

FakePython::FakePython(int minor, Build build)
    : minor_(minor),
      heap_(kHeap),
      next_chunk_(kChunks),
      next_interpreter_(kInterpreters),
      next_state_(kStates),
      next_c_stack_(kCStacks) {
  OffsetTable offsets(minor);
  if (build == Build::kFreeThreaded) offsets.MakeFreeThreaded();
  const std::vector<std::byte> table = offsets.Bytes();
  const OffsetsResult parsed = ParseDebugOffsets(table);
  if (parsed.status != OffsetsStatus::kOk) {
    std::fprintf(stderr, "real offsets are refused: %s\n", parsed.detail.c_str());
    std::abort();
  }
  layout_ = parsed.layout;
  memory_.Map(kRuntime, layout_.runtime.size);
  memory_.Write(kRuntime, table.data(), table.size());

  Type("type", kTypeSubclass, layout_.type.size);
  str_type_ = Type("str", kUnicodeSubclass);
  code_type_ = Type("code");
  none_ = Allocate(layout_.object.size);
  memory_.Put(none_ + layout_.object.ob_type, Type("NoneType"));
  AddInterpreter(0);
}

uint64_t FakePython::Allocate(uint64_t size) {
  const uint64_t at = heap_;
  heap_ += (size + 15) / 16 * 16;
  memory_.Map(at, std::max<uint64_t>(size, 1));
  return at;
}

uint64_t FakePython::Type(std::string_view name, uint64_t flags, uint64_t basicsize) {
  const uint64_t text = Allocate(name.size() + 1);
  memory_.Write(text, name);
  // A class has its method tables and what hangs on it behind the published part.
  const uint64_t type = Allocate(layout_.type.size + kClassTail);
  constants_[type] = heap_;
  if (type_type_ == 0) type_type_ = type;
  memory_.Put(type + layout_.object.ob_type, type_type_);
  memory_.Put(type + layout_.type.tp_name, text);
  memory_.Put(type + layout_.type.tp_name + 8, basicsize);
  memory_.Put(type + layout_.type.tp_flags, flags);
  return type;
}

uint64_t FakePython::Str(std::u32string_view text) {
  const char32_t widest = text.empty() ? 0 : *std::max_element(text.begin(), text.end());
  const bool ascii = widest < 0x80;
  const uint32_t kind = widest < 0x100 ? 1 : widest < 0x10000 ? 2 : 4;
  const uint64_t head =
      ascii ? layout_.unicode.asciiobject_size : layout_.unicode.compactunicodeobject_size;
  const uint64_t at = Allocate(head + (text.size() + 1) * kind);
  constants_[at] = heap_;
  memory_.Put(at + layout_.object.ob_type, str_type_);
  memory_.Put(at + layout_.unicode.length, static_cast<uint64_t>(text.size()));
  // interned 2 bits, kind 3, compact 1, ascii 1; the bytes above are not CPython's to care for.
  const uint32_t state = 1u | kind << 2 | 1u << 5 | (ascii ? 1u << 6 : 0u) | 0xabcd0000u;
  memory_.Put(at + layout_.unicode.state, state);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<uint32_t>(text[i]);
    memory_.Write(at + head + i * kind, &c, kind);
  }
  return at;
}

uint64_t FakePython::Str(std::string_view ascii) {
  return Str(std::u32string(ascii.begin(), ascii.end()));
}

uint64_t FakePython::Bytes(std::string_view bytes) {
  const uint64_t at = Allocate(layout_.bytes.ob_sval + bytes.size() + 1);
  constants_[at] = heap_;
  memory_.Put(at + layout_.bytes.ob_size, static_cast<uint64_t>(bytes.size()));
  memory_.Write(at + layout_.bytes.ob_sval, bytes);
  return at;
}

bool FakePython::IsConstant(uint64_t address) const {
  const auto after = constants_.upper_bound(address);
  return after != constants_.begin() && address < std::prev(after)->second;
}

uint64_t FakePython::Function(std::string_view name, const FunctionOptions& options) {
  const auto found = functions_.find(name);
  if (found != functions_.end()) return found->second.address;
  const uint64_t address =
      Allocate(layout_.code.co_code_adaptive + static_cast<uint64_t>(options.lines) * 2);
  WriteCode(address, name, options);
  functions_.emplace(name, FunctionInfo{address, options});
  return address;
}

void FakePython::WriteCode(uint64_t address, std::string_view name,
                           const FunctionOptions& options) {
  FunctionOptions& compiled = compiled_[address];
  compiled = options;
  if (compiled.first_line == 0) {
    compiled.first_line = next_line_;
    next_line_ += 100;
  }
  // RETURN_VALUE ends the last line (Include/opcode_ids.h).
  const uint8_t return_value = minor_ == 13 ? 36 : minor_ == 14 ? 35 : 33;
  memory_.Put(InstructionAt(address, options.lines - 1), return_value);
  if (compiled.location_table.empty()) {
    LocationEncoder lines(compiled.first_line);
    for (int i = 0; i < compiled.lines; ++i) {
      const int32_t line = compiled.first_line + i;
      lines.Add(1, {line, line, 4, 12});
    }
    compiled.location_table = lines.bytes();
  }
  const auto header = static_cast<int32_t>(layout_.frame.localsplus / 8);
  const uint64_t qualname = Str(name);
  memory_.Put(address + layout_.object.ob_type, code_type_);
  memory_.Put(address + layout_.code.filename, Str(compiled.file));
  memory_.Put(address + layout_.code.name, qualname);
  memory_.Put(address + layout_.code.qualname, qualname);
  memory_.Put(address + layout_.code.linetable, Bytes(compiled.location_table));
  // int co_stacksize, co_firstlineno, co_nlocalsplus, co_framesize, co_nlocals, co_ncellvars,
  // co_nfreevars; uint32_t co_version (Include/cpython/code.h).
  const uint64_t line = address + layout_.code.firstlineno;
  memory_.Put<int32_t>(line - 4, compiled.stack_size);
  memory_.Put<int32_t>(line, compiled.first_line);
  memory_.Put<int32_t>(line + 4, compiled.locals);
  memory_.Put<int32_t>(line + 8, compiled.locals + compiled.stack_size + header);
  memory_.Put<int32_t>(line + 12, compiled.locals);
  memory_.Put<uint32_t>(line + 24, next_version_++);
}

void FakePython::Replace(uint64_t code, std::string_view name, const FunctionOptions& options) {
  WriteCode(code, name, options);
}

void FakePython::Free(uint64_t code) {
  for (uint64_t at = 0; at < layout_.code.co_code_adaptive; at += 8) {
    memory_.Put(code + at, kGarbage);
  }
}

void FakePython::AdvanceGeneration() {
  if (layout_.interpreter.code_object_generation == 0) return;
  const uint64_t word = main_interpreter() + layout_.interpreter.code_object_generation;
  memory_.Put(word, memory_.Get<uint64_t>(word) + 1);
}

/// Address of the word that says which thread took the interpreter's GIL last.
uint64_t FakePython::GilHolder(uint64_t interpreter) const {
  const auto& offsets = layout_.interpreter;
  return memory_.Get<uint64_t>(interpreter + offsets.ceval_gil) - offsets.gil_runtime_state +
         offsets.gil_holder;
}

void FakePython::GiveGil(const FakeThread& thread) {
  // struct _gil_runtime_state: last_holder, locked, switch_number.
  const uint64_t holder = GilHolder(thread.interpreter_);
  if (memory_.Get<uint64_t>(holder) == thread.state_) return;
  memory_.Put(holder, thread.state_);
  memory_.Put<int32_t>(holder + 8, 1);
  memory_.Put(holder + 16, memory_.Get<uint64_t>(holder + 16) + 1);
}

uint64_t FakePython::InstructionAt(uint64_t code, int line) const {
  return code + layout_.code.co_code_adaptive + static_cast<uint64_t>(line) * 2;
}

std::vector<uint64_t> FakePython::CopyBytecode(uint64_t code, size_t count) {
  std::vector<uint64_t> copies = {InstructionAt(code, 0)};
  const uint64_t array = Allocate((1 + 1 + count) * 8);
  for (size_t i = 0; i < count; ++i) {
    copies.push_back(Allocate(static_cast<uint64_t>(compiled_.at(code).lines) * 2));
  }
  memory_.Put(array, static_cast<uint64_t>(copies.size()));
  memory_.Write(array + 8, copies.data(), copies.size() * 8);
  memory_.Put(code + layout_.code.co_tlbc, array);
  copies.erase(copies.begin());
  return copies;
}

uint64_t FakePython::FrameBytes(uint64_t code) const {
  const FunctionOptions& compiled = compiled_.at(code);
  return layout_.frame.localsplus +
         static_cast<uint64_t>(compiled.locals + compiled.stack_size) * 8;
}

FakeGenerator FakePython::Generator(std::string_view function) {
  const uint64_t code = Function(function);
  return GeneratorAt(Allocate(kGeneratorFrame + FrameBytes(code)), code);
}

FakeGenerator FakePython::GeneratorAlone(std::string_view function) {
  const uint64_t code = Function(function);
  const auto to_page = [](uint64_t at) {
    return (at + FakeMemory::kPage - 1) / FakeMemory::kPage * FakeMemory::kPage;
  };
  heap_ = to_page(heap_);
  const uint64_t object = Allocate(kGeneratorFrame + FrameBytes(code));
  heap_ = to_page(heap_);
  return GeneratorAt(object, code);
}

FakeGenerator FakePython::GeneratorAt(uint64_t object, uint64_t code) {
  const uint64_t frame = object + kGeneratorFrame;
  SetExecutable(frame, code);
  SetInstruction(frame, InstructionAt(code, 0));
  SetOwner(frame, kOwnedByGenerator);
  return {object, frame};
}

uint64_t FakePython::AddInterpreter(int64_t id, Gil gil) {
  const uint64_t at = next_interpreter_;
  next_interpreter_ += kInterpreterGap;
  memory_.Map(at, layout_.interpreter.size);
  memory_.Put(at + layout_.interpreter.id, id);
  interpreters_.push_back(at);
  memory_.Put(at + layout_.interpreter.ceval_gil,
              (gil == Gil::kOwn ? at : main_interpreter()) + layout_.interpreter.gil_runtime_state);
  LinkInterpreters();
  return at;
}

void FakePython::RemoveInterpreter(uint64_t interpreter) {
  std::erase_if(threads_, [&](const auto& thread) {
    if (thread->interpreter_ != interpreter) return false;
    memory_.Unmap(thread->state_, kStateSize);
    return true;
  });
  std::erase(interpreters_, interpreter);
  LinkInterpreters();
  memory_.Unmap(interpreter, layout_.interpreter.size);
}

void FakePython::LinkInterpreters() {
  uint64_t next = 0;
  for (const uint64_t interpreter : interpreters_) {
    memory_.Put(interpreter + layout_.interpreter.next, next);
    next = interpreter;
  }
  memory_.Put(kRuntime + layout_.runtime.interpreters_head, next);
}

FakeThread& FakePython::AddThread(std::string name, uint64_t interpreter) {
  thread_names_[next_native_id_] = name;
  // Its constructor is for this class alone, which make_unique cannot call.
  threads_.push_back(std::unique_ptr<FakeThread>(
      new FakeThread(this, std::move(name), interpreter, next_native_id_++)));
  FakeThread& thread = *threads_.back();
  const uint64_t main = layout_.interpreter.threads_main;
  if (main != 0 && memory_.Get<uint64_t>(interpreter + main) == 0) {
    memory_.Put(interpreter + main, thread.state_);
  }
  LinkThreads(interpreter);
  if (memory_.Get<uint64_t>(GilHolder(interpreter)) == 0) GiveGil(thread);
  return thread;
}

void FakePython::RemoveThread(const FakeThread& thread) {
  const uint64_t interpreter = thread.interpreter_;
  memory_.Unmap(thread.state_, kStateSize);
  for (const FakeThread::Chunk& chunk : thread.chunks_) memory_.Unmap(chunk.address, chunk.size);
  std::erase_if(threads_, [&](const auto& other) { return other.get() == &thread; });
  LinkThreads(interpreter);
}

void FakePython::LinkThreads(uint64_t interpreter) {
  uint64_t next = 0;
  for (const auto& thread : threads_) {
    if (thread->interpreter_ != interpreter) continue;
    memory_.Put(thread->state_ + layout_.thread.next, next);
    memory_.Put(thread->state_ + layout_.thread.prev, uint64_t{0});
    if (next != 0) memory_.Put(next + layout_.thread.prev, thread->state_);
    next = thread->state_;
  }
  memory_.Put(interpreter + layout_.interpreter.threads_head, next);
}

std::string FakePython::ThreadName(uint64_t native_id) const {
  const auto found = thread_names_.find(native_id);
  if (found != thread_names_.end()) return found->second;
  return std::string("thread ").append(std::to_string(native_id));
}

void FakePython::SetExecutable(uint64_t frame, uint64_t value) {
  memory_.Put(frame + layout_.frame.executable, value);
}
void FakePython::SetPrevious(uint64_t frame, uint64_t value) {
  memory_.Put(frame + layout_.frame.previous, value);
}
void FakePython::SetInstruction(uint64_t frame, uint64_t value) {
  memory_.Put(frame + layout_.frame.instr_ptr, value);
}
void FakePython::SetOwner(uint64_t frame, uint8_t value) {
  memory_.Put(frame + layout_.frame.owner, value);
}

FakeThread::FakeThread(FakePython* python, std::string name, uint64_t interpreter,
                       uint64_t native_id)
    : python_(python),
      name_(std::move(name)),
      interpreter_(interpreter),
      native_id_(native_id),
      state_(python->next_state_),
      c_stack_(python->next_c_stack_) {
  python->next_state_ += kStateGap;
  python->next_c_stack_ -= kCStackGap;
  FakeMemory& memory = python->memory_;
  const auto& offsets = python->layout_.thread;
  memory.Map(state_, kStateSize);
  memory.Put(state_ + offsets.interp, interpreter);
  memory.Put(state_ + offsets.thread_id, 0x7f0000000000 + native_id);
  memory.Put(state_ + offsets.native_thread_id, native_id);
  if (offsets.base_frame != 0) {
    base_frame_ = state_ + kBaseFrameInState;
    python->SetExecutable(base_frame_, python->NoneExecutable());
    python->SetOwner(base_frame_, kOwnedByInterpreter);
    memory.Put(state_ + offsets.base_frame, base_frame_);
  }
  PointCurrentFrameAt(base_frame_);
}

FakeThread& FakeThread::PointCurrentFrameAt(uint64_t frame) {
  python_->memory_.Put(state_ + python_->layout_.thread.current_frame, frame);
  return *this;
}

uint64_t FakeThread::Innermost() const {
  if (!frames_.empty()) return leaf();
  return stack_ == 0 ? base_frame_ : 0;
}

/// Keeps py_recursion_remaining and py_recursion_limit as CPython does.
void FakeThread::CountCalls() {
  const uint64_t back = python_->minor_ == 13 ? 28 : python_->minor_ == 14 ? 24 : 20;
  const uint64_t at = state_ + python_->layout_.thread.current_frame - back;
  const auto is_call = [](const Frame& frame) { return frame.code != 0; };
  const auto calls = std::count_if(frames_.begin(), frames_.end(), is_call);
  python_->memory_.Put<int32_t>(at, 1000 - calls_before_ - static_cast<int32_t>(calls));
  python_->memory_.Put<int32_t>(at + 4, 1000);
}

FakeThread& FakeThread::BeginGreenlet() {
  const auto is_call = [](const Frame& frame) { return frame.code != 0; };
  const auto calls = std::count_if(frames_.begin(), frames_.end(), is_call);
  const int32_t before = calls_before_ + static_cast<int32_t>(calls);
  if (stacks_.empty()) stacks_.emplace_back();
  stacks_.push_back({{}, {}, 0, before});
  return SwitchTo(stacks_.size() - 1);
}

FakeThread& FakeThread::SwitchTo(size_t stack) {
  if (stacks_.empty()) stacks_.emplace_back();
  stacks_.at(stack_) = {chunks_, frames_, top_, calls_before_};
  stack_ = stack;
  const Stack& now = stacks_.at(stack);
  chunks_ = now.chunks;
  frames_ = now.frames;
  top_ = now.top;
  calls_before_ = now.calls_before;
  python_->memory_.Put(state_ + python_->layout_.thread.datastack_chunk,
                       chunks_.empty() ? 0 : chunks_.back().address);
  CountCalls();
  return PointCurrentFrameAt(Innermost());
}

void FakeThread::Push(const Frame& frame, uint64_t executable, uint8_t owner, int line) {
  python_->SetExecutable(frame.address, executable);
  python_->SetPrevious(frame.address, Innermost());
  python_->SetInstruction(frame.address,
                          frame.code == 0 ? 0 : python_->InstructionAt(frame.code, line));
  python_->SetOwner(frame.address, owner);
  frames_.push_back(frame);
  CountCalls();
  PointCurrentFrameAt(frame.address);
}

FakeThread& FakeThread::Enter() {
  const uint64_t size = python_->layout_.frame.size;
  c_stack_ -= size + kCFrames;
  python_->memory_.Map(c_stack_, size);
  Push({c_stack_, Place::kCStack, 0, top_, false}, python_->NoneExecutable(), kOwnedByInterpreter,
       0);
  return *this;
}

void FakeThread::PushChunk(uint64_t needed) {
  uint64_t size = kDefaultChunk;
  while (size < needed + kChunkOverhead * 8) size *= 2;
  FakeMemory& memory = python_->memory_;
  const uint64_t address = python_->next_chunk_;
  python_->next_chunk_ += size + FakeMemory::kPage;
  memory.Map(address, size);
  const bool first = chunks_.empty();
  if (!first) {
    const Chunk& below = chunks_.back();
    memory.Put(address, below.address);
    memory.Put(below.address + kChunkTop, (top_ - below.address - kChunkData) / 8);
  }
  memory.Put(address + kChunkSize, size);
  chunks_.push_back({address, size});
  memory.Put(state_ + python_->layout_.thread.datastack_chunk, address);
  top_ = address + kChunkData + (first ? 8 : 0);
}

FakeThread& FakeThread::Call(std::string_view function, int line) {
  const uint64_t code = python_->Function(function);
  const uint64_t bytes = python_->FrameBytes(code);
  const uint64_t top_before = top_;
  const bool opens =
      chunks_.empty() || top_ + bytes >= chunks_.back().address + chunks_.back().size;
  if (opens) PushChunk(bytes);
  const uint64_t address = top_;
  top_ += bytes;
  Push({address, Place::kDataStack, code, top_before, opens && chunks_.size() > 1}, code,
       kOwnedByThread, line);
  return *this;
}

FakeThread& FakeThread::Recurse(std::string_view function, int depth) {
  for (int i = 0; i < depth; ++i) Call(function);
  return *this;
}

FakeThread& FakeThread::Resume(const FakeGenerator& generator, int line) {
  FakeMemory& memory = python_->memory_;
  const auto code = memory.Get<uint64_t>(generator.frame + python_->layout_.frame.executable);
  Push({generator.frame, Place::kHeap, code, top_, false}, code, kOwnedByGenerator, line);
  return *this;
}

FakeThread& FakeThread::Return() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  CountCalls();
  PointCurrentFrameAt(Innermost());
  switch (frame.place) {
    case Place::kCStack:
      c_stack_ = frame.address + python_->layout_.frame.size + kCFrames;
      break;
    case Place::kHeap:
      python_->SetPrevious(frame.address, 0);
      break;
    case Place::kDataStack:
      // 3.13 leaves the executable of a frame that is popped where it was.
      if (python_->minor_ >= 14) python_->SetExecutable(frame.address, 0);
      if (frame.opened_chunk) {
        const Chunk chunk = chunks_.back();
        chunks_.pop_back();
        python_->memory_.Put(state_ + python_->layout_.thread.datastack_chunk,
                             chunks_.back().address);
        python_->memory_.Unmap(chunk.address, chunk.size);
      }
      top_ = frame.opened_chunk ? frame.top_before : frame.address;
      break;
  }
  return *this;
}

FakeThread& FakeThread::ReturnAll() {
  while (!frames_.empty()) Return();
  return *this;
}

FakeThread& FakeThread::GoTo(int line) {
  python_->SetInstruction(leaf(), python_->InstructionAt(frames_.back().code, line));
  return *this;
}

}  // namespace pyprof::test
