#include "stack/stack_reader.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include "memory/clock.h"
#include "memory/load.h"

namespace pyprof {
namespace {

/// Bounds against lists that lie; both are far above what a process can have.
constexpr size_t kMaxInterpreters = 4096;
constexpr size_t kMaxThreads = 1u << 17;
/// Times that the list of interpreters is followed for one sample before it counts as none.
constexpr size_t kMaxInterpreterSearches = 8;

// struct _gil_runtime_state (Include/internal/pycore_gil.h): interval, last_holder, locked,
// switch_number. The holder's and the lock's offsets are published; the switch number is used where
// these stand as they should.
constexpr uint64_t kLockedFromHolder = 8;
constexpr uint64_t kSwitchesFromHolder = 16;

}  // namespace

StackReader::StackReader(RemoteMemory* memory, const Runtime& runtime, uint64_t main_native_id,
                         Tables* tables, ReaderOptions options)
    : memory_(memory),
      runtime_(runtime),
      layout_(runtime_.layout),
      main_native_id_(main_native_id),
      tables_(tables),
      options_(options),
      thread_state_(layout_, memory),
      codes_(memory, layout_, tables),
      snapshot_(memory),
      walk_(layout_, &codes_, &sizes_, &snapshot_),
      truncated_frame_(tables->Marker("<truncated>")),
      greenlet_frame_(tables->Marker("<greenlet>")),
      gone_frame_(tables->Marker("<gone>")),
      freed_frame_(tables->Marker("<freed code>")),
      collector_frame_(options.states ? tables->Marker("<GC>") : 0),
      native_frame_(options.native_markers ? tables->Marker("<native>") : 0) {
  const auto& t = layout_.thread;
  state_size_ = std::max({t.prev, t.next, t.interp, t.current_frame, t.base_frame, t.thread_id,
                          t.native_thread_id, t.datastack_chunk}) +
                8;
  if (options_.states) state_size_ = std::max(state_size_, thread_state_.thread_end());
  const auto& i = layout_.interpreter;
  has_switches_ = !layout_.free_threaded && i.gil_holder != 0 && i.ceval_gil != 0 &&
                  i.gil_locked == i.gil_holder + kLockedFromHolder &&
                  i.gil_holder + kSwitchesFromHolder + 8 <= i.size;
  interpreter_from_ = std::min({i.next, i.id, i.threads_head});
  for (const uint64_t offset : {i.threads_main, i.code_object_generation}) {
    if (offset != 0) interpreter_from_ = std::min(interpreter_from_, offset);
  }
  if (has_switches_) interpreter_from_ = std::min(interpreter_from_, i.gil_holder);
  uint64_t end = std::max({i.next, i.id, i.threads_head, i.threads_main}) + 8;
  if (has_switches_) end = std::max(end, i.gil_holder + kSwitchesFromHolder + 8);
  if (i.code_object_generation != 0) end = std::max(end, i.code_object_generation + 8);
  if (options_.states) {
    interpreter_from_ = std::min(interpreter_from_, thread_state_.interpreter_from());
    end = std::max(end, thread_state_.interpreter_end());
  }
  interpreter_size_ = end - interpreter_from_;
}

/// Ranges: the interpreters, the threads, code objects whose identity is to be checked, and once
/// more the interpreters, whose GIL words then stand before and after all the rest. Without a
/// second thread, and where the copied frames themselves tell the top (3.14), that tells nothing
/// unless a frame is copied apart. The innermost frames of the one thread that can have moved are
/// read twice.
void StackReader::MakePlan(bool holder_only) {
  const bool changed = std::any_of(threads_.begin(), threads_.end(),
                                   [](const auto& thread) { return thread->plan.changed; });
  const bool twice = motion_ == Motion::kPossible && layout_.Minor() >= 14 &&
                     (holder_only || threads_.size() == 1);
  if (plan_valid_ && planned_holder_only_ == holder_only && planned_twice_ == twice && !changed &&
      !codes_.PlanChanged()) {
    return;
  }
  ranges_.clear();
  for (const Interpreter& interpreter : interpreters_) {
    ranges_.push_back({interpreter.address + interpreter_from_, interpreter_size_});
  }
  size_t bytes = 0;
  for (const auto& thread : threads_) {
    thread->segments = 0;
    thread->plan.changed = false;
    if ((holder_only && thread.get() != holder_) || bytes > kMaxFetched) continue;
    thread->first_segment = ranges_.size();
    thread->plan.AppendRanges(state_size_, layout_.frame.size,
                              options_.states ? thread_state_.before_frame() : 0, twice, &ranges_);
    thread->segments = ranges_.size() - thread->first_segment;
    for (size_t i = thread->first_segment; i < ranges_.size(); ++i) bytes += ranges_[i].size;
  }
  first_code_ = ranges_.size();
  codes_.AppendRanges(&ranges_);
  bracketed_ = has_switches_ && (interpreters_.size() != 1 || threads_.size() != 1 ||
                                 layout_.Minor() < 14 || threads_.front()->plan.HasApart());
  for (size_t i = 0; bracketed_ && i < interpreters_.size(); ++i) {
    const Range interpreter = ranges_[i];
    ranges_.push_back(interpreter);
  }
  planned_ranges_ = ranges_.size();
  planned_holder_only_ = holder_only;
  planned_twice_ = twice;
  plan_valid_ = true;
}

std::span<const Range> StackReader::PlannedRanges() {
  MakePlan(picture_holds_);
  ranges_.resize(planned_ranges_);
  return ranges_;
}

SampleStatus StackReader::ReadPlan(bool holder_only) {
  MakePlan(holder_only);
  // A new interpreter is rare, and a range more costs a tenth of a short read.
  ranges_.resize(planned_ranges_);
  const uint64_t now = Now();
  head_read_ = interpreters_.empty() || now - head_read_at_ >= head_gap_;
  if (head_read_) {
    head_read_at_ = now;
    ranges_.push_back({runtime_.address + layout_.runtime.interpreters_head, 8});
  }
  const int64_t copied = snapshot_.Read(ranges_);
  if (copied == -EPERM) return SampleStatus::kPermission;
  if (copied < 8 || (head_read_ && snapshot_.segments().back().size < 8)) {
    return SampleStatus::kProcessGone;
  }
  // What could not be read is not asked for again.
  for (const auto& thread : threads_) {
    for (size_t i = 0; i < thread->segments; ++i) {
      const size_t at = thread->first_segment + i;
      if (snapshot_.segments()[at].size < ranges_[at].size) thread->plan.Unreadable(ranges_[at]);
    }
  }
  return SampleStatus::kOk;
}

bool StackReader::ControlIn(const Segment& segment, Control* out) const {
  if (segment.size < interpreter_size_) return false;
  const std::byte* holder = segment.data + layout_.interpreter.gil_holder - interpreter_from_;
  *out = {Load<uint64_t>(holder), Load<uint64_t>(holder + kSwitchesFromHolder),
          Load<uint64_t>(segment.data + layout_.interpreter.threads_head - interpreter_from_),
          Load<int32_t>(holder + kLockedFromHolder) > 0};
  return true;
}

/// Takes the GIL's words from both ends of the snapshot.
void StackReader::ReadControl() {
  const size_t count = interpreters_.size();
  before_.resize(count);
  after_.resize(count);
  gil_of_.assign(count, 0);
  control_known_ = has_switches_;
  for (size_t i = 0; i < count && control_known_; ++i) {
    const std::vector<Segment>& segments = snapshot_.segments();
    control_known_ = ControlIn(segments[i], &before_[i]) &&
                     ControlIn(segments[bracketed_ ? planned_ranges_ - count + i : i], &after_[i]);
    const auto owns = [this, i](const Interpreter& interpreter) {
      return interpreter.address + layout_.interpreter.gil_runtime_state == interpreters_[i].gil;
    };
    const auto owner = std::find_if(interpreters_.begin(), interpreters_.end(), owns);
    if (owner != interpreters_.end()) {
      gil_of_[i] = static_cast<size_t>(owner - interpreters_.begin());
    } else if (count > 1) {
      control_known_ = false;
    }
  }
}

/// Only the GIL's holder can have moved, unless the GIL went from one thread to another.
Motion StackReader::MotionOf(const Thread& thread, bool may_run) const {
  if (!control_known_ || motion_ == Motion::kStopped) return motion_;
  const size_t gil = gil_of_[thread.interpreter];
  if (motion_ == Motion::kStill && gil == 0) return Motion::kStill;
  return may_run ? Motion::kPossible : Motion::kStill;
}

/// Whether the thread may run Python code in this snapshot: it may have the GIL.
bool StackReader::MayRunPython(const Thread& thread) const {
  if (!control_known_) return true;
  const size_t gil = gil_of_[thread.interpreter];
  const Control& before = before_[gil];
  const Control& after = after_[gil];
  if (motion_ != Motion::kStopped && !(bracketed_ && before.SameHolder(after))) return true;
  return thread.plan.address == before.holder && (before.locked || after.locked);
}

uint64_t StackReader::HolderNow() {
  if (!has_switches_ || (interpreters_.empty() && !FindInterpreters())) return 0;
  uint64_t holder = 0;
  if (!memory_->ReadValue(interpreters_.front().address + layout_.interpreter.gil_holder,
                          &holder)) {
    return 0;
  }
  if (holder_ != nullptr && holder_->plan.address == holder) return holder_->native_id;
  for (const auto& thread : threads_) {
    if (thread->plan.address == holder) return thread->native_id;
  }
  uint64_t native_id = 0;
  memory_->ReadValue(holder + layout_.thread.native_thread_id, &native_id);
  return native_id;
}

bool StackReader::ReadControlNow(size_t interpreter, Control* out) {
  std::vector<std::byte> words(interpreter_size_);
  const uint64_t address = interpreters_[interpreter].address + interpreter_from_;
  return memory_->Read(address, words.data(), words.size()) &&
         ControlIn({address, words.size(), words.data()}, out);
}

bool StackReader::HolderIsSteady() {
  Control now{};
  return control_known_ && ReadControlNow(0, &now) && now.SameHolder(after_.front());
}

/// What the plan lacks is copied after the snapshot and so after the second look at the GIL: that
/// other threads than its holder have not moved holds for it only if the GIL is still there.
void StackReader::CheckApart() {
  if (motion_ == Motion::kStopped || !bracketed_) return;
  std::map<size_t, bool> steady;
  for (const auto& [index, gil] : apart_) {
    if (!steady.contains(gil)) {
      Control now{};
      steady[gil] = ReadControlNow(gil, &now) && now.SameHolder(after_[gil]) &&
                    now.locked == after_[gil].locked;
    }
    if (steady[gil]) continue;
    samples_[index].quality = Quality::kRepaired;
    samples_[index].reason = Reason::kUnproved;
  }
}

void StackReader::NoteApart(size_t sample, size_t interpreter) {
  if (control_known_ && samples_[sample].quality == Quality::kExact) {
    apart_.push_back({sample, gil_of_[interpreter]});
  }
}

/// Whether the list of interpreters is, by the snapshot, what it was.
bool StackReader::InterpretersHold() const {
  const std::vector<Segment>& segments = snapshot_.segments();
  if (interpreters_.empty()) return false;
  uint64_t expected = interpreters_.back().address;
  if (head_read_) expected = Load<uint64_t>(segments.back().data);
  for (size_t i = interpreters_.size(); i-- > 0;) {
    const Segment& segment = segments[i];
    if (interpreters_[i].address != expected || segment.size < interpreter_size_ ||
        Load<int64_t>(segment.data + layout_.interpreter.id - interpreter_from_) !=
            interpreters_[i].id) {
      return false;
    }
    expected = Load<uint64_t>(segment.data + layout_.interpreter.next - interpreter_from_);
  }
  return expected == 0;
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
    uint64_t gil = 0;
    if (has_switches_) memory_->ReadValue(at + layout_.interpreter.ceval_gil, &gil);
    found.push_back({at, id, gil});
    at = next;
  }
  // The list is newest first; the main interpreter, the oldest, leads here.
  std::reverse(found.begin(), found.end());
  interpreters_ = std::move(found);
  std::vector<Range> generations;
  for (const Interpreter& interpreter : interpreters_) {
    const uint64_t offset = layout_.interpreter.code_object_generation;
    if (offset != 0) generations.push_back({interpreter.address + offset, 8});
  }
  codes_.CountFreedAt(std::move(generations));
  plan_valid_ = false;
  picture_holds_ = false;
  return !interpreters_.empty();
}

/// The known or new thread whose state is at the address; threads_ takes the order of the list, so
/// that the thread is nearly always found where it is looked for.
StackReader::Thread* StackReader::ThreadAt(uint64_t address, size_t interpreter, size_t hint) {
  const auto place = threads_.begin() + static_cast<ptrdiff_t>(hint);
  const auto found = std::find_if(place, threads_.end(), [address](const auto& thread) {
    return thread->plan.address == address;
  });
  if (found == threads_.end()) {
    // One that was listed already: the list loops, or was changed while it was read.
    const auto listed = std::find_if(threads_.begin(), place, [address](const auto& thread) {
      return thread->plan.address == address;
    });
    if (listed != place) return listed->get();
    plan_valid_ = false;
    return threads_.insert(place, std::make_unique<Thread>(address, interpreter))->get();
  }
  std::rotate(place, found, found + 1);
  return place->get();
}

const std::byte* StackReader::StateOf(const Thread& thread) {
  if (thread.segments > 0) {
    const Segment& planned = snapshot_.segments()[thread.first_segment];
    if (planned.size >= state_size_) return planned.data;
  }
  const Segment fetched = snapshot_.Fetch(thread.plan.address, state_size_);
  return fetched.size >= state_size_ ? fetched.data : nullptr;
}

/// Fills `sample` from the snapshot; false when the thread is no sample yet.
bool StackReader::ReadThread(Thread* thread, const std::byte* state, const std::byte* head,
                             ThreadSample* sample) {
  const auto native_id = Load<uint64_t>(state + layout_.thread.native_thread_id);
  if (native_id == 0) return false;
  if (native_id != thread->native_id) {
    thread->native_id = native_id;
    thread->serial = serials_++;
    thread->plan.root_chunk = 0;
    thread->entry = 0;
    thread->plan.ForgetVerdicts();
  }
  const Interpreter& interpreter = interpreters_[thread->interpreter];
  // Not set yet while the interpreter starts, and not published before 3.14.
  uint64_t main_thread = 0;
  if (layout_.interpreter.threads_main != 0) {
    main_thread = Load<uint64_t>(head + layout_.interpreter.threads_main - interpreter_from_);
  }
  thread->is_main = interpreter.id == 0 && (main_thread != 0 ? main_thread == thread->plan.address
                                                             : native_id == main_native_id_);
  thread->python_id = Load<uint64_t>(state + layout_.thread.thread_id);
  thread->prev = Load<uint64_t>(state + layout_.thread.prev);
  thread->next = Load<uint64_t>(state + layout_.thread.next);
  const std::span<const Segment> planned =
      std::span(snapshot_.segments()).subspan(thread->first_segment, thread->segments);
  const bool had_frames = !thread->plan.links.empty();
  const bool may_run = MayRunPython(*thread);
  const Motion motion = MotionOf(*thread, may_run);
  const Segment again = planned_twice_ && planned.size() > 2 ? planned[2] : Segment{};
  WalkResult walked = walk_.Walk(&thread->plan, planned, again, state, motion, may_run);
  // What is proved afterwards says nothing of a thread that runs under another GIL.
  if (motion_ == Motion::kStill && motion == Motion::kPossible) {
    walked.Degrade(Quality::kRepaired, Reason::kUnproved);
  }
  const bool has_frames = walked.kept > 0 || !walk_.fresh().empty();
  something_new_ = something_new_ || (walked.kept == 0 && (had_frames || has_frames));
  const bool main_gil = !control_known_ || gil_of_[thread->interpreter] == 0;
  *sample = {thread->serial, native_id, thread->python_id, interpreter.id, thread->is_main,
             main_gil,       kNoStack,  walked.quality,    walked.reason};
  const uint64_t collected_in =
      options_.states ? NoteState(thread, state, head, planned, walked.kept, sample) : 0;
  Intern(thread, walked, collected_in, sample);
  return true;
}

uint8_t StackReader::known_states() const {
  if (!options_.states) return 0;
  uint8_t known = 0;
  if (thread_state_.has_holder_flag() || has_switches_) known |= kHoldsGil;
  if (thread_state_.has_collector_frame() || known != 0) known |= kCollects;
  if (thread_state_.has_exceptions()) known |= kHandlesException;
  return known;
}

bool StackReader::HoldsGil(const Thread& thread, const std::byte* state) const {
  if (thread_state_.has_holder_flag()) return thread_state_.HoldsGil(state);
  if (!control_known_) return false;
  const Control& gil = before_[gil_of_[thread.interpreter]];
  return gil.locked && gil.holder == thread.plan.address;
}

/// Fills in what the thread was doing. Returns the frame in which the collector runs; 0: in none,
/// or it is not known in which.
uint64_t StackReader::NoteState(Thread* thread, const std::byte* state, const std::byte* head,
                                std::span<const Segment> planned, size_t kept,
                                ThreadSample* sample) {
  const uint64_t gil = interpreters_[thread->interpreter].gil;
  if (has_switches_ && gil != 0) {
    sample->gil_queue = gil + layout_.interpreter.gil_holder -
                        layout_.interpreter.gil_runtime_state + kSwitchesFromHolder + 8;
  }
  const bool holds = HoldsGil(*thread, state);
  if (holds) sample->state |= kHoldsGil;
  if (thread_state_.has_exceptions() &&
      thread_state_.HandlesException(thread->plan.address, state, planned)) {
    sample->state |= kHandlesException;
  }

  const Collector collector = thread_state_.CollectorIn(head, interpreter_from_);
  const std::vector<FrameLink>& fresh = walk_.fresh();
  const std::vector<FrameLink>& links = thread->plan.links;
  // Leaf first: the fresh ones, then those that were kept.
  const auto link = [&](size_t i) -> const FrameLink& {
    return i < fresh.size() ? fresh[i] : links[kept - 1 - (i - fresh.size())];
  };
  const size_t count = fresh.size() + kept;
  if (thread_state_.has_collector_frame()) {
    if (!collector.works || collector.frame == 0) return 0;
    for (size_t i = 0; i < count; ++i) {
      if (link(i).address != collector.frame) continue;
      sample->state |= kCollects;
      return collector.frame;
    }
    return 0;
  }
  size_t entry = 0;
  while (entry < count && link(entry).code != 0) ++entry;
  const uint64_t innermost = entry < count ? link(entry).address : 0;
  if (!collector.works) {
    thread->entry = innermost;
    return 0;
  }
  // Before 3.15 only this is told: it is at work. It needs the GIL for it.
  if (!holds) return 0;
  sample->state |= kCollects;
  // Python code that the collector calls has an entry frame of its own. When the innermost one was
  // there before the collection, or is the first of all, the collector runs in the leaf.
  const bool in_leaf = innermost != 0 && (innermost == thread->entry || link(entry).previous == 0);
  return in_leaf ? link(0).address : 0;
}

/// The list of threads could not be followed beyond `gone`: all that hung on it and was known is
/// missed in this sample, and kept for the next, which follows the list from its head again.
void StackReader::MissRest(size_t interpreter, Thread* gone) {
  gone->listed = false;
  for (const auto& thread : threads_) {
    if (thread->interpreter != interpreter || thread->listed) continue;
    if (thread->serial == UINT32_MAX) continue;
    samples_.push_back({thread->serial, thread->native_id, thread->python_id,
                        interpreters_[interpreter].id, thread->is_main, true, kNoStack,
                        Quality::kMissed, Reason::kThreadGone});
    thread->listed = thread.get() != gone;
  }
}

/// Follows one interpreter's list of threads through the snapshot; a thread that the plan did not
/// know is fetched.
void StackReader::ListThreads(size_t index) {
  const Interpreter& interpreter = interpreters_[index];
  const Segment& head_segment = snapshot_.segments()[index];
  if (head_segment.size < interpreter_size_) return;
  const std::byte* head = head_segment.data;
  auto at = Load<uint64_t>(head + layout_.interpreter.threads_head - interpreter_from_);
  for (size_t count = 0; at != 0 && count < kMaxThreads; ++count) {
    Thread* thread = ThreadAt(at, index, listed_);
    if (thread->listed) break;
    thread->interpreter = index;
    thread->listed = true;
    ++listed_;
    const size_t fetches = snapshot_.fetches();
    const std::byte* state = StateOf(*thread);
    if (state == nullptr || Load<uint64_t>(state + layout_.thread.interp) != interpreter.address) {
      MissRest(index, thread);
      break;
    }
    ThreadSample sample{};
    thread->sample = samples_.size();
    if (ReadThread(thread, state, head, &sample)) {
      samples_.push_back(sample);
      if (snapshot_.fetches() != fetches) NoteApart(samples_.size() - 1, index);
    }
    at = Load<uint64_t>(state + layout_.thread.next);
  }
}

/// Makes all code objects of the thread's new links current, and of the kept ones too when some
/// code object was freed since they were last checked.
void StackReader::CheckCodes(Thread* thread, size_t kept) {
  code_addresses_.clear();
  const auto add = [this](const FrameLink& link) {
    if (link.code != 0) code_addresses_.push_back(link.code);
  };
  // Only what is on the stack now: a freed code object looks the same until its memory is used.
  const std::span<const FrameLink> old = std::span(thread->plan.links).first(kept);
  std::for_each(walk_.fresh().begin(), walk_.fresh().end(), add);
  if (thread->generation != generation_ || layout_.interpreter.code_object_generation == 0) {
    thread->generation = generation_;
    const FrameLink* last = nullptr;
    for (const FrameLink& link : old) {
      if (last == nullptr || link.code != last->code) add(link);
      last = &link;
    }
  }
  codes_.Prepare(code_addresses_);
  PreparedCodes prepared = codes_.TakePrepared();
  if (prepared.replaced) {
    for (const auto& other : threads_) {
      other->stacks.clear();
      if (other.get() != thread) other->plan.links.clear();
    }
    std::for_each(old.begin(), old.end(), add);
    codes_.Prepare(code_addresses_);
    const PreparedCodes again = codes_.TakePrepared();
    prepared.doubtful.insert(prepared.doubtful.end(), again.doubtful.begin(), again.doubtful.end());
  }
  doubtful_codes_.clear();
  if (layout_.interpreter.code_object_generation != 0) doubtful_codes_ = prepared.doubtful;
}

/// The stack that has the link on top of `stack`; entry frames and CPython's own glue add nothing.
int32_t StackReader::Extend(int32_t stack, const FrameLink& link, ThreadSample* sample) {
  if (link.code == 0) {
    // What the first entry frame of a thread was called by is no news.
    return options_.native_markers && stack != kNoStack ? tables_->Stack(stack, native_frame_)
                                                        : stack;
  }
  WalkResult result{sample->quality, sample->reason};
  CodeObject* code = codes_.Get(link.code);
  const bool doubtful = code == nullptr || std::find(doubtful_codes_.begin(), doubtful_codes_.end(),
                                                     link.code) != doubtful_codes_.end();
  int32_t frame = freed_frame_;
  bool sure = true;
  if (doubtful) {
    result.Degrade(Quality::kPartial, Reason::kFreedCode);
  } else {
    frame = codes_.FrameOf(link.code, code, link.instruction, &sure);
    if (!sure) result.Degrade(Quality::kRepaired, Reason::kMoved);
  }
  sample->quality = result.quality;
  sample->reason = result.reason;
  doubted_ = doubted_ || doubtful || !sure;
  return frame < 0 ? stack : tables_->Stack(stack, frame);
}

/// Turns what the walk found into one number, and keeps it for the next sample when it is whole.
void StackReader::Intern(Thread* thread, const WalkResult& walked, uint64_t collected_in,
                         ThreadSample* sample) {
  const std::vector<FrameLink>& fresh = walk_.fresh();
  std::vector<FrameLink>& links = thread->plan.links;
  CheckCodes(thread, walked.kept);
  doubted_ = false;
  int32_t below = kNoStack;
  if (walked.reason == Reason::kTruncated) below = tables_->Stack(kNoStack, truncated_frame_);
  if (walked.greenlet) below = tables_->Stack(kNoStack, greenlet_frame_);
  size_t known = below == thread->below ? std::min(walked.kept, thread->stacks.size()) : 0;
  thread->below = below;
  for (size_t i = 0; collected_in != 0 && i < known; ++i) {
    if (links[i].address == collected_in) known = i;
  }
  // From the frame on in which the collector runs, stacks are as they are for this sample only.
  size_t lasting = SIZE_MAX;

  int32_t stack = known > 0 ? thread->stacks[known - 1] : below;
  links.resize(walked.kept);
  thread->stacks.resize(known);
  const auto add = [&](const FrameLink& link) {
    // What a greenlet's first entry frame was called by is no news.
    const bool begins = walked.greenlet && stack == below && link.code == 0;
    if (!begins) stack = Extend(stack, link, sample);
    if (collected_in != 0 && link.address == collected_in && sample->quality != Quality::kMissed) {
      stack = tables_->Stack(stack, collector_frame_);
      lasting = std::min(lasting, thread->stacks.size());
    }
    thread->stacks.push_back(stack);
  };
  for (size_t i = known; i < walked.kept; ++i) add(links[i]);
  for (size_t i = fresh.size(); i-- > 0;) {
    add(fresh[i]);
    links.push_back(fresh[i]);
  }
  if (keeps_chains_) {
    thread->chain.clear();
    for (size_t i = 0; i < links.size(); ++i) {
      thread->chain.push_back(
          {links[i].address, thread->stacks[i], links[i].owner == kOwnedByGenerator});
    }
  }
  if (walked.leaf_gone && stack != kNoStack) stack = tables_->Stack(stack, gone_frame_);
  sample->stack = stack;
  if (lasting < thread->stacks.size()) thread->stacks.resize(lasting);
  if (!walked.whole || doubted_) {
    links.clear();
    thread->stacks.clear();
  }
}

std::vector<ThreadChain> StackReader::Chains() const {
  std::vector<ThreadChain> chains;
  for (const auto& thread : threads_) {
    const size_t sample = thread->sample;
    if (sample >= samples_.size() || samples_[sample].serial != thread->serial) continue;
    chains.push_back(
        {sample, thread->plan.address, interpreters_[thread->interpreter].address, thread->chain});
  }
  return chains;
}

/// Reads every thread. The picture holds as long as the GIL's holder alone can have changed it.
void StackReader::ReadAll() {
  samples_.clear();
  listed_ = 0;
  for (const auto& thread : threads_) thread->listed = false;
  for (size_t i = 0; i < interpreters_.size(); ++i) ListThreads(i);
  CheckApart();
  const size_t before = threads_.size();
  std::erase_if(threads_, [](const auto& thread) { return !thread->listed; });
  if (threads_.size() != before) plan_valid_ = false;

  picture_holds_ = false;
  holder_ = nullptr;
  if (!control_known_ || !before_[0].SameHolder(after_[0])) return;
  if (!bracketed_ && samples_.size() > 1) return;
  picture_ = before_[0];
  for (const auto& thread : threads_) {
    if (thread->plan.address == picture_.holder && thread->serial != UINT32_MAX) {
      holder_ = thread.get();
    }
  }
  if (holder_ == nullptr) return;
  steady_holder_ = holder_->native_id;
  // A thread other than the holder that is not sure has to be read again.
  picture_holds_ = interpreters_.size() == 1 && samples_.size() > 1 &&
                   std::all_of(samples_.begin(), samples_.end(), [this](const ThreadSample& s) {
                     return s.serial == holder_->serial || s.quality == Quality::kExact ||
                            s.reason == Reason::kTruncated;
                   });
}

/// Reads the GIL's last holder alone and keeps the other threads' samples: only a thread that holds
/// the GIL can change its Python stack, and the GIL counts whenever it goes to another thread.
/// False when it has, or when it cannot be told.
bool StackReader::ReadHolder() {
  if (!control_known_ || !before_[0].SameHolder(picture_) || !after_[0].SameHolder(picture_)) {
    return false;
  }
  const std::byte* state = StateOf(*holder_);
  if (state == nullptr ||
      Load<uint64_t>(state + layout_.thread.interp) != interpreters_.front().address ||
      Load<uint64_t>(state + layout_.thread.native_thread_id) != holder_->native_id ||
      Load<uint64_t>(state + layout_.thread.prev) != holder_->prev ||
      Load<uint64_t>(state + layout_.thread.next) != holder_->next) {
    return false;  // a state that was freed has lost its place in the list
  }
  steady_holder_ = holder_->native_id;
  const size_t fetches = snapshot_.fetches();
  if (!ReadThread(holder_, state, snapshot_.segments()[0].data, &samples_[holder_->sample])) {
    return false;
  }
  if (snapshot_.fetches() != fetches) NoteApart(holder_->sample, holder_->interpreter);
  return true;
}

SampleStatus StackReader::Sample(Motion motion) {
  motion_ = motion;
  steady_holder_ = 0;
  something_new_ = false;
  extra_reads_ = 0;
  bool holder_only = picture_holds_;
  while (true) {
    const SampleStatus status = ReadPlan(holder_only);
    if (status != SampleStatus::kOk) return status;
    if (!InterpretersHold()) {
      if (!FindInterpreters()) return SampleStatus::kNoInterpreter;
      holder_only = false;
      if (++extra_reads_ > kMaxInterpreterSearches) return SampleStatus::kNoInterpreter;
      continue;
    }
    apart_.clear();
    generation_ = 0;
    for (size_t i = 0; i < interpreters_.size(); ++i) {
      const Segment& segment = snapshot_.segments()[i];
      if (layout_.interpreter.code_object_generation == 0) continue;
      if (segment.size < interpreter_size_) continue;
      generation_ += Load<uint64_t>(segment.data + layout_.interpreter.code_object_generation -
                                    interpreter_from_);
    }
    codes_.BeginSample(generation_, std::span(snapshot_.segments()).subspan(first_code_));
    ReadControl();
    if (holder_only && !ReadHolder()) {
      picture_holds_ = false;
      holder_only = false;
      ++extra_reads_;
      continue;
    }
    if (holder_only) {
      CheckApart();
    } else {
      ReadAll();
    }
    return SampleStatus::kOk;
  }
}

}  // namespace pyprof
