#include "stack/thread_state.h"

#include <algorithm>

#include "memory/load.h"

namespace pyprof {
namespace {

// _PyErr_StackItem (Include/cpython/pystate.h): exc_value, previous_item. exc_value is published.
constexpr uint64_t kPreviousItem = 8;
constexpr uint64_t kItemSize = 16;
/// exc_info follows current_exception in the thread state. It is believed only as far as its chain
/// leads to the thread's own exc_state, which is published.
constexpr uint64_t kExcInfoFromCurrent = 8;
/// Generators and coroutines that wait for one another, one item each; and how many of their items
/// may cost a read of their own.
constexpr int kMaxItems = 64;
constexpr int kMaxItemReads = 4;

}  // namespace

ThreadState::ThreadState(const Layout& layout, RemoteMemory* memory)
    : layout_(layout), memory_(memory) {
  const auto& t = layout.thread;
  if (has_holder_flag()) thread_end_ = t.holds_gil + 4;
  if (has_exceptions()) {
    thread_end_ = std::max({thread_end_, t.current_exception + kExcInfoFromCurrent + 8,
                            t.exc_state + layout.err_stackitem.exc_value + 8});
  }
  collecting_ = layout.interpreter.gc + layout.gc.collecting;
  interpreter_end_ = collecting_ + 4;
  if (has_collector_frame()) {
    const uint64_t frame = layout.interpreter.gc + layout.gc.frame;
    collecting_ = std::min(collecting_, frame);
    interpreter_end_ = std::max(interpreter_end_, frame + 8);
  }
}

bool ThreadState::HoldsGil(const std::byte* state) const {
  return Load<int32_t>(state + layout_.thread.holds_gil) != 0;
}

Collector ThreadState::CollectorIn(const std::byte* words, uint64_t from) const {
  const std::byte* gc = words + layout_.interpreter.gc - from;
  Collector collector;
  collector.works = Load<int32_t>(gc + layout_.gc.collecting) != 0;
  if (collector.works && has_collector_frame()) {
    collector.frame = Load<uint64_t>(gc + layout_.gc.frame);
  }
  return collector;
}

bool ThreadState::HandlesException(uint64_t address, const std::byte* state,
                                   std::span<const Segment> planned) const {
  const auto& t = layout_.thread;
  const uint64_t exc_value = layout_.err_stackitem.exc_value;
  if (Load<uint64_t>(state + t.current_exception) != 0) return true;
  if (Load<uint64_t>(state + t.exc_state + exc_value) != 0) return true;
  // A generator handles exceptions in an item of its own, which leads to the one below it.
  const uint64_t last = address + t.exc_state;
  auto item = Load<uint64_t>(state + t.current_exception + kExcInfoFromCurrent);
  bool handles = false;
  int reads = 0;
  for (int i = 0; i < kMaxItems && item != last; ++i) {
    if (item == 0 || item % 8 != 0) return false;
    const std::byte* bytes = nullptr;
    for (const Segment& segment : planned) {
      bytes = segment.At(item, kItemSize);
      if (bytes != nullptr) break;
    }
    std::byte own[kItemSize];
    if (bytes == nullptr) {
      if (++reads > kMaxItemReads || !memory_->Read(item, own, sizeof(own))) return false;
      bytes = own;
    }
    handles = handles || Load<uint64_t>(bytes + std::min(exc_value, kItemSize - 8)) != 0;
    item = Load<uint64_t>(bytes + kPreviousItem);
  }
  return handles && item == last;
}

}  // namespace pyprof
