#include "stack/stack_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pyprof {
namespace {

/// Bounds against lists that lie; both are far above what a process can have.
constexpr size_t kMaxInterpreters = 4096;
constexpr size_t kMaxThreads = 1u << 17;
/// Outside frames closer than this are read as one range: a page boundary costs what a range does.
constexpr uint64_t kMergeWithin = 2048;

template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace

StackReader::StackReader(RemoteMemory* memory, const Runtime& runtime, uint64_t main_native_id,
                         Tables* tables)
    : memory_(memory),
      runtime_(runtime),
      layout_(runtime_.layout),
      main_native_id_(main_native_id),
      tables_(tables),
      codes_(memory, layout_, tables),
      snapshot_(memory),
      walk_(layout_, &codes_, &sizes_, &snapshot_),
      truncated_frame_(tables->Marker("<truncated>")),
      gone_frame_(tables->Marker("<gone>")),
      freed_frame_(tables->Marker("<freed code>")) {
  const auto& t = layout_.thread;
  state_size_ = std::max({t.next, t.interp, t.current_frame, t.base_frame, t.thread_id,
                          t.native_thread_id, t.datastack_chunk}) +
                8;
  const auto& i = layout_.interpreter;
  interpreter_from_ = std::min({i.next, i.id, i.threads_head});
  uint64_t end = std::max({i.next, i.id, i.threads_head, i.threads_main}) + 8;
  if (i.code_object_generation != 0) end = std::max(end, i.code_object_generation + 8);
  interpreter_size_ = end - interpreter_from_;
}

void StackReader::PlanThread(Thread* thread) {
  ThreadPlan& plan = thread->plan;
  thread->first_segment = ranges_.size();
  ranges_.push_back({plan.address, state_size_});
  if (!plan.outside.empty()) {
    std::vector<uint64_t> sorted = plan.outside;
    std::sort(sorted.begin(), sorted.end());
    const size_t head = layout_.frame.size;
    Range range{sorted.front(), head};
    for (const uint64_t address : sorted) {
      if (address + head - range.address > range.size + kMergeWithin) {
        ranges_.push_back(range);
        range = {address, head};
      } else {
        range.size = std::max<size_t>(range.size, address + head - range.address);
      }
    }
    ranges_.push_back(range);
  }
  for (size_t i = 0; i < plan.chunks.size(); ++i) {
    ranges_.push_back({plan.chunks[i].address, i == 0 ? plan.NewestBytes() : plan.chunk_bytes[i]});
  }
  thread->segments = ranges_.size() - thread->first_segment;
}

void StackReader::MakePlan() {
  ranges_.clear();
  ranges_.push_back({runtime_.address + layout_.runtime.interpreters_head, 8});
  for (Interpreter& interpreter : interpreters_) {
    interpreter.segment = ranges_.size();
    ranges_.push_back({interpreter.address + interpreter_from_, interpreter_size_});
  }
  for (const auto& thread : threads_) PlanThread(thread.get());
}

SampleStatus StackReader::ReadPlan() {
  const int64_t copied = snapshot_.Read(ranges_);
  if (copied == -EPERM) return SampleStatus::kPermission;
  return copied < 8 ? SampleStatus::kProcessGone : SampleStatus::kOk;
}

uint64_t StackReader::HeadInSnapshot() const {
  return Load<uint64_t>(snapshot_.segments().front().data);
}

/// Follows the list of interpreters; false when there is none.
bool StackReader::FindInterpreters() {
  uint64_t at = 0;
  if (!memory_->ReadValue(runtime_.address + layout_.runtime.interpreters_head, &at)) return false;
  std::vector<Interpreter> found;
  while (at != 0 && found.size() < kMaxInterpreters) {
    int64_t id = 0;
    uint64_t next = 0;
    if (!memory_->ReadValue(at + layout_.interpreter.id, &id) ||
        !memory_->ReadValue(at + layout_.interpreter.next, &next)) {
      break;
    }
    found.push_back({at, id, 0});
    at = next;
  }
  // The list is newest first; the main interpreter, the oldest, leads here.
  std::reverse(found.begin(), found.end());
  const bool same =
      std::equal(found.begin(), found.end(), interpreters_.begin(), interpreters_.end(),
                 [](const Interpreter& a, const Interpreter& b) { return a.address == b.address; });
  if (!same) {
    threads_.clear();
    interpreters_ = std::move(found);
  }
  return !interpreters_.empty();
}

StackReader::Thread* StackReader::ThreadAt(uint64_t address, size_t interpreter, size_t hint) {
  if (hint < threads_.size() && threads_[hint]->plan.address == address) {
    return threads_[hint].get();
  }
  for (const auto& thread : threads_) {
    if (thread->plan.address == address) return thread.get();
  }
  threads_.push_back(std::make_unique<Thread>(address, interpreter));
  return threads_.back().get();
}

void StackReader::ReadThread(Thread* thread, const std::byte* state, const std::byte* head,
                             std::vector<ThreadSample>* out) {
  const auto native_id = Load<uint64_t>(state + layout_.thread.native_thread_id);
  if (native_id == 0) return;
  const Interpreter& interpreter = interpreters_[thread->interpreter];
  bool is_main = interpreter.id == 0 && native_id == main_native_id_;
  if (layout_.interpreter.threads_main != 0) {
    is_main = interpreter.id == 0 && Load<uint64_t>(head + layout_.interpreter.threads_main -
                                                    interpreter_from_) == thread->plan.address;
  }
  const size_t first = raw_.size();
  const std::span<const Segment> planned =
      std::span(snapshot_.segments()).subspan(thread->first_segment, thread->segments);
  const WalkResult walked = walk_.Walk(&thread->plan, planned, state, &raw_);
  pending_.push_back({thread, first, raw_.size() - first});
  out->push_back({thread->plan.address, native_id, Load<uint64_t>(state + layout_.thread.thread_id),
                  interpreter.id, is_main, kNoStack, walked.quality, walked.reason});
}

/// Follows one interpreter's list of threads through the snapshot; a thread that the plan did not
/// know is fetched.
void StackReader::ListThreads(size_t index, std::vector<ThreadSample>* out) {
  const Interpreter& interpreter = interpreters_[index];
  const Segment& head_segment = snapshot_.segments()[interpreter.segment];
  if (head_segment.size < interpreter_size_) return;
  const std::byte* head = head_segment.data;
  if (layout_.interpreter.code_object_generation != 0) {
    generation_ +=
        Load<uint64_t>(head + layout_.interpreter.code_object_generation - interpreter_from_);
  }
  auto at = Load<uint64_t>(head + layout_.interpreter.threads_head - interpreter_from_);
  for (size_t count = 0; at != 0 && count < kMaxThreads; ++count) {
    Thread* thread = ThreadAt(at, index, pending_.size());
    if (thread->listed) break;  // the list loops
    thread->listed = true;
    const std::byte* state = nullptr;
    if (thread->segments > 0) {
      const Segment& planned = snapshot_.segments()[thread->first_segment];
      if (planned.size >= state_size_) state = planned.data;
    }
    if (state == nullptr) {
      const Segment fetched = snapshot_.Fetch(at, state_size_);
      if (fetched.size >= state_size_) state = fetched.data;
    }
    if (state == nullptr || Load<uint64_t>(state + layout_.thread.interp) != interpreter.address) {
      // The rest of the list hangs on this thread: the next sample finds it from the head again.
      pending_.push_back({thread, raw_.size(), 0});
      out->push_back(
          {at, 0, 0, interpreter.id, false, kNoStack, Quality::kMissed, Reason::kThreadGone});
      break;
    }
    ReadThread(thread, state, head, out);
    at = Load<uint64_t>(state + layout_.thread.next);
  }
}

uint64_t StackReader::GenerationNow() {
  uint64_t sum = 0;
  for (const Interpreter& interpreter : interpreters_) {
    uint64_t value = 0;
    memory_->ReadValue(interpreter.address + layout_.interpreter.code_object_generation, &value);
    sum += value;
  }
  return sum;
}

int32_t StackReader::InternStack(Thread* thread, std::span<const RawFrame> raw,
                                 WalkResult* result) {
  // Both are leaf first: what is common lies at the end, next to the root.
  const size_t limit = std::min(raw.size(), thread->raw.size());
  size_t common = 0;
  while (common < limit &&
         raw[raw.size() - 1 - common] == thread->raw[thread->raw.size() - 1 - common]) {
    ++common;
  }
  std::vector<int32_t> stacks(raw.size(), kNoStack);
  std::copy(thread->stacks.end() - static_cast<ptrdiff_t>(common), thread->stacks.end(),
            stacks.end() - static_cast<ptrdiff_t>(common));
  int32_t parent = common > 0 ? stacks[raw.size() - common] : kNoStack;
  bool reusable = true;
  for (size_t i = raw.size() - common; i-- > 0;) {
    int32_t frame = raw[i].instruction == kGoneFrame ? gone_frame_ : truncated_frame_;
    if (raw[i].code != 0) {
      CodeObject* code = codes_.Get(raw[i].code);
      const bool doubtful =
          code == nullptr || std::find(doubtful_codes_.begin(), doubtful_codes_.end(),
                                       raw[i].code) != doubtful_codes_.end();
      if (doubtful) {
        frame = freed_frame_;
        result->Degrade(Quality::kPartial, Reason::kFreedCode);
        reusable = false;
      } else {
        bool sure = true;
        frame = codes_.FrameOf(code, raw[i].instruction, &sure);
        if (!sure) {
          result->Degrade(Quality::kRepaired, Reason::kMoved);
          reusable = false;
        }
      }
    }
    parent = tables_->Stack(parent, frame);
    stacks[i] = parent;
  }
  if (reusable) {
    thread->raw.assign(raw.begin(), raw.end());
    thread->stacks = std::move(stacks);
  } else {
    thread->raw.clear();
    thread->stacks.clear();
  }
  return parent;
}

void StackReader::InternStacks(std::vector<ThreadSample>* out) {
  codes_.BeginSample(generation_);
  code_addresses_.clear();
  for (const RawFrame& frame : raw_) {
    if (frame.code != 0) code_addresses_.push_back(frame.code);
  }
  std::sort(code_addresses_.begin(), code_addresses_.end());
  code_addresses_.erase(std::unique(code_addresses_.begin(), code_addresses_.end()),
                        code_addresses_.end());
  codes_.Prepare(code_addresses_);
  const PreparedCodes prepared = codes_.TakePrepared();
  if (prepared.replaced) {
    for (const auto& thread : threads_) {
      thread->raw.clear();
      thread->stacks.clear();
    }
  }
  doubtful_codes_.clear();
  if (!prepared.read.empty() && layout_.interpreter.code_object_generation != 0 &&
      GenerationNow() != generation_) {
    // Something was freed between the snapshot and the reading of these names: maybe one of them.
    doubtful_codes_ = prepared.read;
  }
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending& pending = pending_[i];
    WalkResult result{(*out)[i].quality, (*out)[i].reason};
    if (pending.count > 0) {
      (*out)[i].stack = InternStack(pending.thread,
                                    std::span(raw_).subspan(pending.first, pending.count), &result);
    }
    (*out)[i].quality = result.quality;
    (*out)[i].reason = result.reason;
  }
}

SampleStatus StackReader::Sample(std::vector<ThreadSample>* out) {
  out->clear();
  raw_.clear();
  pending_.clear();
  generation_ = 0;

  MakePlan();
  SampleStatus status = ReadPlan();
  if (status == SampleStatus::kOk &&
      (interpreters_.empty() || interpreters_.back().address != HeadInSnapshot())) {
    if (!FindInterpreters()) return SampleStatus::kNoInterpreter;
    MakePlan();
    status = ReadPlan();
  }
  if (status != SampleStatus::kOk) return status;

  for (const auto& thread : threads_) thread->listed = false;
  for (size_t i = 0; i < interpreters_.size(); ++i) ListThreads(i, out);
  InternStacks(out);
  std::erase_if(threads_, [](const auto& thread) { return !thread->listed; });
  return SampleStatus::kOk;
}

}  // namespace pyprof
