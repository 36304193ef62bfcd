#include "fuzz/input.h"
#include "runtime/debug_offsets.h"

/// The input is the beginning of a `.PyRuntime` section.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pyprof::fuzz::Require;
  const auto result = pyprof::ParseDebugOffsets({reinterpret_cast<const std::byte*>(data), size});
  if (result.status != pyprof::OffsetsStatus::kOk) return 0;
  // What is accepted may be used unchecked.
  const pyprof::Layout& l = result.layout;
  Require(size >= pyprof::DebugOffsetsSize(l.Minor()), "the table is whole");
  Require(l.thread.current_frame + 8 <= l.thread.size, "current_frame is in the thread state");
  Require(l.frame.owner + 1 <= l.frame.size, "owner is in the frame");
  Require(l.frame.previous % 8 == 0, "previous is aligned");
  Require(l.code.firstlineno >= 4, "the word before co_firstlineno is in the code object");
  Require(l.interpreter.threads_head + 8 <= l.interpreter.size, "threads_head is in its state");
  Require(l.frame.size <= 4096 && l.code.size <= 4096, "objects are small");
  return 0;
}
