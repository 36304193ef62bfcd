#include "sampler/target.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "memory/clock.h"
#include "runtime/maps.h"
#include "sampler/process_stat.h"

namespace pyprof {
namespace {

/// How often a process that is not (yet) Python is looked at: often while it may just be starting,
/// so that its first frames are seen, then the more rarely the longer it is none.
constexpr uint64_t kSearchGap = kMillisecond;
constexpr uint64_t kLateSearchGap = kSecond;
constexpr uint64_t kSearchesPerAge = 8;
/// A search is not repeated before so many times its own length.
constexpr uint64_t kSearchShare = 10;
/// After a fork Python gives the thread its new id and forgets the parent's other threads, all in
/// microseconds of processor time. Where that has not happened when the child sleeps, or has run
/// for so many clock ticks, the program forked from C and did not tell Python. It may still be
/// about to run another program; so long it is waited for that, ns.
constexpr uint64_t kForkSettles = 2;
constexpr uint64_t kForkIsUntold = 100 * kMillisecond;
/// Threads of a fork that are looked at.
constexpr size_t kMaxForkThreads = 4096;
/// How often the address space is checked for an exec while all reads succeed.
constexpr uint64_t kCheckGap = 5 * kMillisecond;
/// How often thread names are read again: they can change at any time.
constexpr uint64_t kNamesGap = kSecond;
/// Longer command lines are cut; they are for people.
constexpr size_t kMaxCommand = 16384;

/// How often asyncio is looked for, about 0.1 ms each time.
constexpr uint64_t kMinAsyncioGap = 10 * kMillisecond;
constexpr uint64_t kMaxAsyncioGap = kSecond / 2;

/// How many times a second the kernel is asked about threads (docs/accuracy.md): those that may
/// run, and those that have shown no sign of it. While the target's core is shared, fewer. Several
/// processes have an equal part each.
struct LookRates {
  double lively;
  double quiet;
};
constexpr LookRates kLooks{10'000, 2'000};
constexpr LookRates kLooksSharing{500, 100};
/// Samples for which the other processor is held from the first, after one during which the GIL
/// went from one to the other.
constexpr uint32_t kHoldsBoth = 100;

}  // namespace

Target::Target(pid_t pid, Target* parent, const TargetShared& shared)
    : pid_(pid),
      parent_(parent),
      shared_(shared),
      memory_(pid),
      finder_(pid, &memory_, shared.known_files),
      watch_(pid),
      task_ids_(pid),
      cpu_clock_(pid, &task_ids_, shared.files),
      search_gap_(kLateSearchGap) {
  watch_.BindMemory();
  if (parent == nullptr || parent->runtime_.address == 0) return;
  runtime_ = parent->runtime_;
  may_be_fork_ = true;
}

Target::~Target() = default;

int32_t Target::ParentRow() const {
  for (const Target* above = parent_; above != nullptr; above = above->parent_) {
    if (above->row >= 0) return above->row;
  }
  return -1;
}

void Target::SearchAnew(uint64_t now) {
  searched_since_ = now;
  search_due_ = now;
}

/// A process that was Python before is told from one that never was by its lost address space.
/// While an exec still ends the other threads, the old one cannot be read but is not gone either.
bool Target::NoticeExec(uint64_t now) {
  if (watch_.SameMemory()) return false;
  watch_.BindMemory();
  executed_ = executed_ || was_attached_;
  may_be_fork_ = false;
  SearchAnew(now);
  return true;
}

bool Target::SearchIsDue(uint64_t now) {
  if (searched_since_ == 0) searched_since_ = now;
  return NoticeExec(now) || now >= search_due_;
}

AttachResult Target::Search(uint64_t now) {
  if (searched_since_ == 0) searched_since_ = now;
  NoticeExec(now);
  const uint64_t age = now - searched_since_;
  // Between vfork and exec a child runs in its parent's memory: it has no Python of its own.
  const Memory memory = parent_ == nullptr ? Memory::kUnknown : ComparedWith(*parent_);
  AttachResult found{AttachStatus::kNotStarted, runtime_, ""};
  if (memory != Memory::kShared) {
    found = may_be_fork_ ? SearchFork(age, memory == Memory::kOwn) : finder_.Find();
  }
  if (found.status == AttachStatus::kOk) {
    NoticeExec(now);
    if (!shared_.tasks || found.runtime.layout.Minor() >= 14) return found;
    // One without the tables that tasks need cannot be sampled as asked.
    found.status = AttachStatus::kNoTaskTable;
  }
  const uint64_t gap = std::clamp(age / kSearchesPerAge, kSearchGap, search_gap_);
  search_due_ = now + std::max(gap, kSearchShare * (Now() - now));
  // What lasts for microseconds only is looked at by every tick.
  if ((may_be_fork_ || memory == Memory::kShared) && age < kForkIsUntold) search_due_ = now;
  return found;
}

/// Whether a process has the memory of another one. kcmp may be forbidden, or missing.
Target::Memory Target::ComparedWith(const Target& other) const {
  const long result = syscall(SYS_kcmp, pid_, other.pid(), KCMP_VM, 0, 0);
  if (result < 0) return Memory::kUnknown;
  return result == 0 ? Memory::kShared : Memory::kOwn;
}

/// Search in a child of a Python, which mostly is a copy of it at first.
AttachResult Target::SearchFork(uint64_t age, bool surely_own) {
  const AttachResult ok{AttachStatus::kOk, runtime_, runtime_.layout.Version()};
  if (!finder_.IsSame(runtime_)) {
    may_be_fork_ = false;
    return finder_.Find();
  }
  const ForkThreads threads = CountThreads();
  if (threads.first_is_own && threads.count == 1) return ok;
  const auto stat = ReadProcessStat(pid_);
  const bool settled = stat && (stat->state == 'S' || stat->cpu >= kForkSettles);
  if (threads.first_is_own && settled) return ok;
  // A single state of the parent's is that of the thread that forked.
  const bool untold = surely_own && settled && age >= kForkIsUntold;
  if (untold && threads.foreign <= 1) return ok;
  return {AttachStatus::kNotStarted, runtime_, untold ? kUntoldFork : ""};
}

/// The threads that the interpreter has; a fork leaves those of the parent there until Python is
/// told of it, all with their old ids.
Target::ForkThreads Target::CountThreads() {
  const Layout& l = runtime_.layout;
  const std::string tasks = "/proc/" + std::to_string(pid_) + "/task/";
  uint64_t interpreter = 0;
  uint64_t thread = 0;
  memory_.ReadValue(runtime_.address + l.runtime.interpreters_head, &interpreter);
  memory_.ReadValue(interpreter + l.interpreter.threads_head, &thread);
  ForkThreads found;
  while (thread != 0 && found.count < kMaxForkThreads) {
    uint64_t native_id = 0;
    uint64_t next = 0;
    if (!memory_.ReadValue(thread + l.thread.native_thread_id, &native_id) ||
        !memory_.ReadValue(thread + l.thread.next, &next)) {
      break;
    }
    if (native_id == task_ids_.main_native_id()) found.first_is_own = true;
    const uint64_t id = task_ids_.Outer(native_id);
    if (id == 0 || access((tasks + std::to_string(id)).c_str(), F_OK) != 0) ++found.foreign;
    thread = next;
    ++found.count;
  }
  return found;
}

void Target::Attach(const AttachResult& found) {
  watch_.BindMemory();
  runtime_ = found.runtime;
  may_be_fork_ = false;
  was_attached_ = true;
  names_ = std::make_unique<ThreadNames>(&memory_, runtime_, pid_);
  reader_ = std::make_unique<StackReader>(&memory_, runtime_, task_ids_.main_native_id(),
                                          shared_.tables, shared_.reader);
  cpu_clock_.Attach();
  known_states_ = reader_->known_states();
  // Without a GIL nobody waits for it.
  const uint8_t gil = (known_states_ & kHoldsGil) != 0 ? kWaitsForGil : 0;
  if (shared_.reader.states) {
    known_states_ = static_cast<uint8_t>(known_states_ | (cpu_clock_.known() & (kOnCpu | gil)));
  }
  threads_.clear();
  tasks_ = nullptr;
  if (shared_.tasks) {
    asyncio_ = std::make_unique<AsyncioFinder>(pid_, &memory_, runtime_);
    asyncio_gap_ = kMinAsyncioGap;
    asyncio_sought_at_ = 0;
    FindAsyncio(Now());
  }
  names_->Refresh();
  named_at_ = Now();
}

void Target::Inspect(Inspection inspection) {
  inspection_ = std::move(inspection);
  if (inspection_) reader_->KeepChains();
}

void Target::FindAsyncio(uint64_t now) {
  if (asyncio_ == nullptr || tasks_ != nullptr || now - asyncio_sought_at_ < asyncio_gap_) return;
  asyncio_sought_at_ = now;
  asyncio_gap_ = std::min(kMaxAsyncioGap, 2 * asyncio_gap_);
  const auto offsets = asyncio_->Find();
  if (!offsets) return;
  tasks_ = std::make_unique<TaskReader>(&memory_, asyncio_->runtime(), *offsets, *shared_.tasks,
                                        shared_.tables);
  reader_->KeepChains();
}

void Target::Detach() {
  tasks_ = nullptr;
  asyncio_ = nullptr;
  reader_ = nullptr;
  names_ = nullptr;
  cpu_clock_.Detach();
  threads_.clear();
  runtime_ = {};
}

CoreSharing* Target::sharing() {
  if (sharing_ == nullptr) sharing_ = std::make_unique<CoreSharing>(pid_);
  return sharing_.get();
}

void Target::LeaveCore() {
  if (sharing_ != nullptr) sharing_->Leave();
}

/// Asks the kernel about the threads of the last sample, as many as may be asked about now.
void Target::LookAtThreads(Reading reading, size_t crowd) {
  if (!shared_.reader.states) return;
  const LookRates rates = reading == Reading::kExact ? kLooksSharing : kLooks;
  const auto count = static_cast<double>(std::max<size_t>(crowd, 1));
  const uint64_t now = Now();
  // No more is saved up than a second's, and the first time there is as much.
  const double seconds = static_cast<double>(now - looked_at_) / static_cast<double>(kSecond);
  const auto save = [&](double* looks, double rate) {
    *looks = std::min(*looks + seconds * rate / count, std::max(rate / count, 1.0));
  };
  save(&lively_looks_, rates.lively);
  save(&quiet_looks_, rates.quiet);
  looked_at_ = now;
  const CpuClock::Most before = cpu_clock_.looks();
  cpu_clock_.Look(reader_->samples(),
                  {static_cast<size_t>(lively_looks_), static_cast<size_t>(quiet_looks_)});
  lively_looks_ -= static_cast<double>(cpu_clock_.looks().lively - before.lively);
  quiet_looks_ -= static_cast<double>(cpu_clock_.looks().quiet - before.quiet);
}

/// The kernel was asked about the GIL's holder already.
void Target::NoteHolder(uint64_t native_id) {
  for (const ThreadSample& sample : reader_->samples()) {
    if (sample.native_id != native_id) continue;
    const CoreSharing::Watched watched = sharing()->watched();
    cpu_clock_.NoteRunning(sample, watched.run_count, watched.run_time);
    return;
  }
}

/// One sample of the threads and, when they are asked for, of the tasks at the same instant.
SampleStatus Target::ReadOnce(Motion motion) {
  const SampleStatus status = reader_->Sample(motion);
  if (status == SampleStatus::kOk && tasks_ != nullptr) tasks_->Read(*reader_, motion);
  if (status == SampleStatus::kOk && inspection_) inspection_(*reader_, motion);
  return status;
}

/// One sample while this thread, by its native id, does not run; `*still` tells whether it does
/// not.
SampleStatus Target::ReadBeside(uint64_t native_holder, bool* still) {
  const uint64_t holder = native_holder == 0 ? 0 : task_ids_.Outer(native_holder);
  *still = holder != 0 && sharing()->Begin(holder);
  return ReadOnce(*still ? Motion::kStill : Motion::kPossible);
}

/// One sample by this reading; sets proved_.
SampleStatus Target::Read(Reading reading, size_t crowd, uint64_t next) {
  proved_ = true;
  if (reading == Reading::kStop) {
    // Before, since the stop itself puts every thread on a processor.
    LookAtThreads(reading, crowd);
    if (stopper_ == nullptr) stopper_ = std::make_unique<Stopper>(pid_);
    const int error = stopper_->Stop();
    if (error == ESRCH) return SampleStatus::kProcessGone;
    if (error != 0) return SampleStatus::kPermission;
    const SampleStatus status = ReadOnce(Motion::kStopped);
    stopper_->LetGo();
    return status;
  }
  if (reading == Reading::kLive) return ReadOnce(Motion::kPossible);

  if (holds_both_ > 0) {
    --holds_both_;
    sharing()->HoldBoth();
  }
  // As long as the GIL stays where the last sample found it, asking for it first would only hold
  // its holder up. When it has gone elsewhere the read is made again, once; that depends on the GIL
  // alone.
  const uint64_t last = reader_->SteadyHolder();
  uint64_t holder = holder_stays_ && last != 0 ? last : reader_->HolderNow();
  bool still = false;
  SampleStatus status = ReadBeside(holder, &still);
  const uint64_t found = reader_->SteadyHolder();
  if (status == SampleStatus::kOk && found != 0 && found != holder) {
    holder = found;
    status = ReadBeside(holder, &still);
  }
  holder_stays_ = found == last;
  steady_holder_ = reader_->SteadyHolder();
  proved_ = still && steady_holder_ == holder &&
            ((tasks_ == nullptr && !inspection_) || reader_->HolderIsSteady()) &&
            sharing()->StoodStill();
  if (shared_.reader.states && sharing()->watched().runnable) NoteHolder(holder);
  if (status == SampleStatus::kOk && !proved_) holds_both_ = kHoldsBoth;
  sharing()->End(holds_both_ > 0 ? next : 0);
  return status;
}

SampleStatus Target::Sample(Reading reading, size_t crowd, uint64_t next) {
  SampleStatus status = Read(reading, crowd, next);
  // After the read, so that nothing of another program counts for this one.
  if (status == SampleStatus::kOk &&
      (reader_->SomethingNew() || Now() - checked_at_ >= kCheckGap)) {
    checked_at_ = Now();
    if (!watch_.SameMemory()) status = SampleStatus::kProcessGone;
  }
  if (status == SampleStatus::kOk && reading != Reading::kStop) LookAtThreads(reading, crowd);
  return status;
}

void Target::NameNewThreads() {
  for (const ThreadSample& sample : reader_->samples()) {
    if (sample.serial >= threads_.size()) threads_.resize(sample.serial + 1);
    KnownThread& known = threads_[sample.serial];
    if (known.index < 0) known.name = names_->NameOf(sample.python_id, sample.native_id);
  }
}

bool Target::NamesAreDue(uint64_t now) {
  return now - named_at_ >= kNamesGap || names_->RefreshIsWanted();
}

std::string Target::Command() const {
  const std::string directory = "/proc/" + std::to_string(pid_);
  std::array<char, kMaxCommand> text;
  const int fd = open((directory + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? 0 : read(fd, text.data(), text.size());
  if (fd >= 0) close(fd);
  if (got > 0) return {text.data(), static_cast<size_t>(got)};
  std::string name;
  if (!ReadSmallFile(directory + "/comm", &name)) return "";
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return "[" + name + "]";
}

}  // namespace pyprof
