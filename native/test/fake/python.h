#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/find_runtime.h"
#include "runtime/layout.h"
#include "test/fake/memory.h"
#include "test/fake/offset_table.h"

namespace pyprof::test {

class FakePython;

/// What a fake function is compiled to. Each of its lines is one code unit.
struct FunctionOptions {
  std::string file = "app.py";
  /// 0: the next free hundred.
  int first_line = 0;
  int lines = 10;
  int locals = 2;
  int stack_size = 3;
  /// Written instead of the table that follows from `lines`.
  std::string location_table = {};
};

/// A generator or coroutine: its frame lives inside of it, in the heap.
struct FakeGenerator {
  uint64_t object;
  uint64_t frame;
};

/// A thread of a fake interpreter, with its data stack, its C stack and its frames, laid out and
/// torn down as CPython does it. Calls can be chained: a test reads from root to leaf.
class FakeThread {
 public:
  /// C code enters the evaluation loop: an entry frame on the C stack.
  FakeThread& Enter();
  /// A call of a Python function, which then stands at its first line plus `line`; 0 is where a
  /// frame stands that was pushed but has not begun. The function is made when there is none of
  /// this name.
  FakeThread& Call(std::string_view function, int line = 1);
  /// `depth` calls, one in the other.
  FakeThread& Recurse(std::string_view function, int depth);
  FakeThread& Resume(const FakeGenerator& generator, int line = 1);
  /// The innermost frame returns, yields, or is left by C code.
  FakeThread& Return();
  FakeThread& ReturnAll();
  /// The innermost frame goes on to another line.
  FakeThread& GoTo(int line);

  /// A greenlet begins: a stack of its own, whose calls count on from those of this one.
  FakeThread& BeginGreenlet();
  /// Goes over to another stack of the thread, by its number: 0 is the thread's own, the greenlets
  /// follow in the order in which they began.
  FakeThread& SwitchTo(size_t stack);

  uint64_t state() const { return state_; }
  uint64_t native_id() const { return native_id_; }
  const std::string& name() const { return name_; }
  size_t depth() const { return frames_.size(); }
  /// Address of a frame; 0 is the outermost, entry frames count.
  uint64_t frame(size_t index) const { return frames_.at(index).address; }
  uint64_t leaf() const { return frames_.back().address; }
  /// Data-stack chunks, oldest first.
  struct Chunk {
    uint64_t address;
    uint64_t size;
  };
  const std::vector<Chunk>& chunks() const { return chunks_; }
  /// Where the next frame would begin on the data stack.
  uint64_t top() const { return top_; }
  /// Says that `frame` is the innermost one, and touches nothing else.
  FakeThread& PointCurrentFrameAt(uint64_t frame);

 private:
  friend class FakePython;
  enum class Place { kDataStack, kHeap, kCStack };
  struct Frame {
    uint64_t address;
    Place place;
    uint64_t code;
    uint64_t top_before;
    bool opened_chunk;
  };

  FakeThread(FakePython* python, std::string name, uint64_t interpreter, uint64_t native_id);
  void PushChunk(uint64_t needed);
  void Push(const Frame& frame, uint64_t executable, uint8_t owner, int line);
  uint64_t Innermost() const;
  void CountCalls();

  struct Stack {
    std::vector<Chunk> chunks;
    std::vector<Frame> frames;
    uint64_t top = 0;
    int32_t calls_before = 0;
  };

  FakePython* python_;
  std::string name_;
  uint64_t interpreter_;
  uint64_t native_id_;
  uint64_t state_;
  uint64_t base_frame_ = 0;  // 3.15
  uint64_t c_stack_;
  uint64_t top_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<Frame> frames_;
  /// Calls that were counted when the stack in use began.
  int32_t calls_before_ = 0;
  size_t stack_ = 0;
  std::vector<Stack> stacks_;  // the one in use is in the members above
};

/// A whole CPython in fake memory: runtime with debug offsets, interpreters, threads, code.
class FakePython {
 public:
  static constexpr uint64_t kRuntime = 0xba07c0;
  static constexpr uint64_t kFirstNativeId = 4711;

  enum class Build { kGil, kFreeThreaded };
  /// `minor` is 13, 14 or 15. Comes with the main interpreter, id 0, and no thread.
  explicit FakePython(int minor, Build build = Build::kGil);

  int minor() const { return minor_; }
  FakeMemory& memory() { return memory_; }
  const Layout& layout() const { return layout_; }
  Runtime runtime() const { return {kRuntime, layout_}; }

  enum class Gil { kShared, kOwn };
  /// Interpreters and threads are new at the head of their list, as in CPython. The first thread
  /// takes the GIL, which an interpreter shares with the main one or has for itself.
  uint64_t AddInterpreter(int64_t id, Gil gil = Gil::kShared);
  void RemoveInterpreter(uint64_t interpreter);
  uint64_t main_interpreter() const { return interpreters_.front(); }
  FakeThread& AddThread(std::string name) { return AddThread(std::move(name), main_interpreter()); }
  FakeThread& AddThread(std::string name, uint64_t interpreter);
  void RemoveThread(const FakeThread& thread);
  /// Name of the thread with this native id; threads that are gone included.
  std::string ThreadName(uint64_t native_id) const;

  /// Address of the code object of this name; made when there is none.
  uint64_t Function(std::string_view name) { return Function(name, {}); }
  uint64_t Function(std::string_view name, const FunctionOptions& options);
  /// Frees the code object and puts another one in its place, which CPython may do at any time.
  void Replace(uint64_t code, std::string_view name, const FunctionOptions& options = {});
  /// Frees the code object; its memory is used for something else.
  void Free(uint64_t code);
  /// Moves the published code_object_generation, as the freeing of code does; nothing on 3.13.
  void AdvanceGeneration();
  uint64_t InstructionAt(uint64_t code, int line) const;
  /// Gives so many threads a copy of the code's bytecode, as a free-threaded build does; returns
  /// where the copies begin.
  std::vector<uint64_t> CopyBytecode(uint64_t code, size_t count);
  /// The GIL goes to this thread: it is the last holder, and the switch is counted.
  void GiveGil(const FakeThread& thread);

  FakeGenerator Generator(std::string_view function);
  /// One that has its pages for itself, so that they can be unmapped.
  FakeGenerator GeneratorAlone(std::string_view function);

  /// Objects in the heap.
  uint64_t Str(std::u32string_view text);
  uint64_t Str(std::string_view ascii);
  uint64_t Bytes(std::string_view bytes);
  uint64_t Allocate(uint64_t size);
  /// A type object; its type is `type`, and so is that of `type`.
  uint64_t Type(std::string_view name, uint64_t flags = 0, uint64_t basicsize = 16);
  /// Whether the address lies in a str, bytes or type object; no running code changes what is read
  /// of these.
  bool IsConstant(uint64_t address) const;

  /// Words of a frame.
  void SetExecutable(uint64_t frame, uint64_t value);
  void SetPrevious(uint64_t frame, uint64_t value);
  void SetInstruction(uint64_t frame, uint64_t value);
  void SetOwner(uint64_t frame, uint8_t value);
  /// Executable of entry frames: None, with the tag bit where there is one.
  uint64_t NoneExecutable() const { return minor_ >= 14 ? none_ | 1 : none_; }
  uint64_t code_type() const { return code_type_; }
  uint64_t none() const { return none_; }
  /// Bytes of a frame of this code on the data stack.
  uint64_t FrameBytes(uint64_t code) const;
  /// Offset of gi_iframe, which 3.13 has but does not publish.
  static constexpr uint64_t kGeneratorFrame = 72;

 private:
  friend class FakeThread;
  struct FunctionInfo {
    uint64_t address;
    FunctionOptions options;
  };

  uint64_t GilHolder(uint64_t interpreter) const;
  FakeGenerator GeneratorAt(uint64_t object, uint64_t code);
  void WriteCode(uint64_t address, std::string_view name, const FunctionOptions& options);
  void LinkInterpreters();
  void LinkThreads(uint64_t interpreter);

  int minor_;
  FakeMemory memory_;
  Layout layout_;
  uint64_t heap_;
  uint64_t next_chunk_;
  uint64_t next_interpreter_;
  uint64_t next_state_;
  uint64_t next_c_stack_;
  uint64_t next_native_id_ = kFirstNativeId;
  int next_line_ = 100;
  uint32_t next_version_ = 1000;
  uint64_t type_type_ = 0;
  uint64_t str_type_ = 0;
  uint64_t code_type_ = 0;
  uint64_t none_ = 0;
  std::vector<uint64_t> interpreters_;                // oldest first
  std::vector<std::unique_ptr<FakeThread>> threads_;  // oldest first
  std::map<std::string, FunctionInfo, std::less<>> functions_;
  std::map<uint64_t, FunctionOptions> compiled_;  // by address
  std::map<uint64_t, uint64_t> constants_;        // begin, end
  std::map<uint64_t, std::string> thread_names_;  // by native id
};

}  // namespace pyprof::test
