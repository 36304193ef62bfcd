#include "sampler/sampler.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pyprof {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1'000 * kMillisecond;
/// How often a process that is not (yet) Python is looked at: often while it may just be starting,
/// so that its first frames are seen, then rarely.
constexpr uint64_t kSearchGap = kMillisecond;
constexpr uint64_t kSearchEagerly = 2 * kSecond;
constexpr uint64_t kLateSearchGap = 20 * kMillisecond;
/// How long a process that was Python before an exec is given to become Python again.
constexpr uint64_t kAfterExec = 3 * kSecond;
/// How often the address space is checked for an exec while all reads succeed.
constexpr uint64_t kCheckGap = 5 * kMillisecond;
/// How often thread names are read again: they can change at any time.
constexpr uint64_t kNamesGap = kSecond;

/// What a sample taken while sharing the core costs the target, by measurement (docs/accuracy.md):
/// timer interrupt, two context switches, the read.
constexpr uint64_t kExactCost = 45'000;
/// The part of it that is not the sampling thread's own CPU time.
constexpr uint64_t kSwitchCost = 15'000;
/// A wake-up later than this was not given the core, and comes when the target chose to block.
constexpr uint64_t kLate = kMillisecond;

/// How many times a second the kernel is asked about threads (docs/accuracy.md): those that may
/// run, and those that have shown no sign of it. While the target's core is shared, fewer.
struct LookRates {
  double lively;
  double quiet;
};
constexpr LookRates kLooks{10'000, 2'000};
constexpr LookRates kLooksSharing{500, 100};

uint64_t Now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t Now() { return Now(CLOCK_MONOTONIC); }

}  // namespace

Sampler::Sampler(const SamplerOptions& options, AttachResult* failure)
    : options_(options),
      memory_(options.pid),
      finder_(options.pid, &memory_),
      watch_(options.pid),
      sharing_(options.pid),
      task_ids_(options.pid),
      cpu_clock_(options.pid, &task_ids_) {
  if (!options_.wait) {
    const AttachResult found = finder_.Find();
    *failure = found;
    if (found.status != AttachStatus::kOk) {
      End(EndReason::kNeverPython);
      return;
    }
    Attach(found);
  }
  failure->status = AttachStatus::kOk;
  loop_ = std::thread([this] { Run(); });
}

Sampler::~Sampler() { Stop(); }

void Sampler::Stop() {
  stop_ = 1;
  syscall(SYS_futex, &stop_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  if (loop_.joinable()) loop_.join();
}

Batch Sampler::Drain() {
  const std::lock_guard lock(mutex_);
  Batch batch = std::move(pending_);
  pending_ = Batch{};
  pending_.status = batch.status;
  clockid_t clock = 0;
  if (loop_.joinable() && batch.status.state != SamplerState::kEnded &&
      pthread_getcpuclockid(loop_.native_handle(), &clock) == 0) {
    batch.status.sampler_cpu = Now(clock);
  }
  return batch;
}

/// False when the sampler is to stop.
bool Sampler::SleepUntil(uint64_t time) {
  const timespec until{static_cast<time_t>(time / kSecond), static_cast<long>(time % kSecond)};
  while (stop_ == 0 && Now() < time) {
    // An absolute time on CLOCK_MONOTONIC; returns early when Stop has changed the word.
    syscall(SYS_futex, &stop_, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, nullptr,
            FUTEX_BITSET_MATCH_ANY);
  }
  return stop_ == 0;
}

void Sampler::End(EndReason reason) {
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  if (origin_ != 0) {
    const uint64_t now = Now();
    status.elapsed = (deadline_ != 0 && now > deadline_ ? deadline_ : now) - origin_;
  }
  status.sampler_cpu = Now(CLOCK_THREAD_CPUTIME_ID);
  status.state = SamplerState::kEnded;
  status.end_reason = reason;
}

void Sampler::Attach(const AttachResult& found) {
  watch_.BindMemory();
  names_ = std::make_unique<ThreadNames>(&memory_, found.runtime, options_.pid);
  reader_ =
      std::make_unique<StackReader>(&memory_, found.runtime, task_ids_.main_native_id(), &tables_,
                                    ReaderOptions{options_.states, options_.native_markers});
  cpu_clock_.Attach();
  uint8_t states = reader_->known_states();
  // Without a GIL nobody waits for it.
  const uint8_t gil = (states & kHoldsGil) != 0 ? kWaitsForGil : 0;
  if (options_.states) {
    states = static_cast<uint8_t>(states | (cpu_clock_.known() & (kOnCpu | gil)));
  }
  threads_.clear();
  names_->Refresh();
  named_at_ = Now();
  const std::lock_guard lock(mutex_);
  pending_.status.python_version = found.runtime.layout.Version();
  pending_.status.states = states;
  pending_.status.attach = AttachStatus::kOk;
  pending_.status.state = SamplerState::kSampling;
}

void Sampler::CountExec(bool exec) {
  if (!exec) return;
  const std::lock_guard lock(mutex_);
  ++pending_.status.execs;
}

/// Looks for a Python in the process until there is one, the process ends, or time is up.
bool Sampler::Search() {
  {
    const std::lock_guard lock(mutex_);
    pending_.status.state = SamplerState::kSearching;
  }
  const uint64_t start = Now();
  // A process that was Python before is told from one that never was by its lost address space.
  // While an exec still ends the other threads, the old one cannot be read but is not gone either.
  bool exec = false;
  while (true) {
    exec = exec || (origin_ != 0 && !watch_.SameMemory());
    const AttachResult found = finder_.Find();
    if (found.status == AttachStatus::kOk) {
      exec = exec || (origin_ != 0 && !watch_.SameMemory());
      Attach(found);
      CountExec(exec);
      return true;
    }
    {
      const std::lock_guard lock(mutex_);
      pending_.status.attach = found.status;
      pending_.status.attach_detail = found.detail;
    }
    if (watch_.Exited()) {
      End(origin_ == 0 ? EndReason::kNeverPython : EndReason::kExited);
      return false;
    }
    const uint64_t now = Now();
    if (exec && !options_.wait && now - start >= kAfterExec) {
      CountExec(true);
      End(EndReason::kNotPythonAfterExec);
      return false;
    }
    if (deadline_ != 0 && now >= deadline_) {
      End(EndReason::kDuration);
      return false;
    }
    const uint64_t gap = now - start < kSearchEagerly ? kSearchGap : kLateSearchGap;
    if (!SleepUntil(now + gap)) {
      End(EndReason::kStopped);
      return false;
    }
  }
}

void Sampler::Run() {
  pthread_setname_np(pthread_self(), "pyprof-sampler");
  // A timer may be late by the slack, which is 50 us unless asked otherwise.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  AskForPromptWakeups();
  if (reader_ == nullptr && !Search()) return;
  SampleLoop();
}

void Sampler::SampleLoop() {
  ChooseReading();
  origin_ = Now();
  deadline_ = options_.duration > 0 ? origin_ + options_.duration : 0;
  Schedule schedule(origin_, options_.interval, options_.seed);
  while (true) {
    const bool last = deadline_ != 0 && schedule.next() >= deadline_;
    if (!SleepUntil(last ? deadline_ : schedule.next())) {
      End(EndReason::kStopped);
      return;
    }
    if (last) {
      End(EndReason::kDuration);
      return;
    }
    const uint64_t due = schedule.next();
    const uint64_t now = Now();
    if (deadline_ != 0 && now >= deadline_) {
      End(EndReason::kDuration);
      return;
    }
    const Schedule::Tick tick = schedule.Take(now);
    if (!SampleOnce(now, due, tick)) return;
  }
}

void Sampler::UseLive(ReadingChange why) {
  reading_ = Reading::kLive;
  const std::lock_guard lock(mutex_);
  pending_.status.reading = reading_;
  pending_.status.reading_change = why;
}

/// Decides on the reading for the runtime just attached to.
void Sampler::ChooseReading() {
  reading_ = options_.reading == Reading::kAuto ? Reading::kExact : options_.reading;
  {
    const std::lock_guard lock(mutex_);
    pending_.status.reading = reading_;
    pending_.status.reading_change = ReadingChange::kNone;
  }
  if (reading_ == Reading::kStop && stopper_ == nullptr) {
    stopper_ = std::make_unique<Stopper>(options_.pid);
  }
  if (reading_ != Reading::kExact) return;
  const double share = static_cast<double>(kExactCost) / static_cast<double>(options_.interval);
  if (!sharing_.Available()) return UseLive(ReadingChange::kNoRunCount);
  if (options_.reading == Reading::kAuto && share > options_.max_overhead) {
    return UseLive(ReadingChange::kOverBudget);
  }
  const auto first = static_cast<uint64_t>(options_.pid);
  if (!sharing_.Follow(first)) return UseLive(ReadingChange::kCoreNotAllowed);
  budget_from_ = 0;
}

/// Once a second: goes over to live reading when sharing the core has taken more than allowed.
void Sampler::CheckBudget(uint64_t now) {
  if (options_.reading != Reading::kAuto || reading_ != Reading::kExact) return;
  ++budget_ticks_;
  if (budget_from_ != 0 && now - budget_from_ < kSecond) return;
  const uint64_t cpu = Now(CLOCK_THREAD_CPUTIME_ID);
  if (budget_from_ != 0) {
    const uint64_t taken = cpu - budget_cpu_ + budget_ticks_ * kSwitchCost;
    const double share = static_cast<double>(taken) / static_cast<double>(now - budget_from_);
    if (share > options_.max_overhead) UseLive(ReadingChange::kOverBudget);
  }
  budget_from_ = now;
  budget_cpu_ = cpu;
  budget_ticks_ = 0;
}

/// Asks the kernel about the threads of the last sample, as many as may be asked about now.
void Sampler::LookAtThreads() {
  if (!options_.states) return;
  const LookRates rates = reading_ == Reading::kExact ? kLooksSharing : kLooks;
  const uint64_t now = Now();
  // No more is saved up than a second's, and the first time there is as much.
  const double seconds = static_cast<double>(now - looked_at_) / static_cast<double>(kSecond);
  lively_looks_ = std::min(lively_looks_ + seconds * rates.lively, rates.lively);
  quiet_looks_ = std::min(quiet_looks_ + seconds * rates.quiet, rates.quiet);
  looked_at_ = now;
  const CpuClock::Most before = cpu_clock_.looks();
  cpu_clock_.Look(reader_->samples(),
                  {static_cast<size_t>(lively_looks_), static_cast<size_t>(quiet_looks_)});
  lively_looks_ -= static_cast<double>(cpu_clock_.looks().lively - before.lively);
  quiet_looks_ -= static_cast<double>(cpu_clock_.looks().quiet - before.quiet);
}

/// The kernel was asked about the GIL's holder already.
void Sampler::NoteHolder(uint64_t native_id) {
  for (const ThreadSample& sample : reader_->samples()) {
    if (sample.native_id != native_id) continue;
    const CoreSharing::Watched watched = sharing_.watched();
    cpu_clock_.NoteRunning(sample, watched.run_count, watched.run_time);
    return;
  }
}

/// One sample by the reading in use; sets proved_.
SampleStatus Sampler::Read() {
  proved_ = true;
  if (reading_ == Reading::kStop) {
    // Before, since the stop itself puts every thread on a processor.
    LookAtThreads();
    const int error = stopper_->Stop();
    if (error == ESRCH) return SampleStatus::kProcessGone;
    if (error != 0) return SampleStatus::kPermission;
    const SampleStatus status = reader_->Sample(Motion::kStill);
    stopper_->LetGo();
    return status;
  }
  if (reading_ == Reading::kLive) return reader_->Sample(Motion::kPossible);

  const uint64_t native_holder = reader_->HolderNow();
  const uint64_t holder = native_holder == 0 ? 0 : task_ids_.Outer(native_holder);
  const bool still = holder != 0 && sharing_.Begin(holder);
  const SampleStatus status = reader_->Sample(still ? Motion::kStill : Motion::kPossible);
  proved_ = still && reader_->SteadyHolder() == native_holder && sharing_.StoodStill();
  if (options_.states && sharing_.watched().runnable) NoteHolder(native_holder);
  // The next wake-up shall be where the holder is.
  if (holder != 0) sharing_.Follow(holder);
  return status;
}

bool Sampler::SampleOnce(uint64_t now, uint64_t due, const Schedule::Tick& tick) {
  late_ = reading_ == Reading::kExact && now - due > kLate;
  SampleStatus status = Read();
  // After the read, so that nothing of another program counts for this one.
  if (status == SampleStatus::kOk &&
      (reader_->SomethingNew() || Now() - checked_at_ >= kCheckGap)) {
    checked_at_ = Now();
    if (!watch_.SameMemory()) status = SampleStatus::kProcessGone;
  }
  if (status == SampleStatus::kOk) NameNewThreads();
  if (status == SampleStatus::kOk && reading_ != Reading::kStop) LookAtThreads();
  Record(now, tick, status == SampleStatus::kOk);
  if (status == SampleStatus::kOk) {
    if (now - named_at_ >= kNamesGap || names_->RefreshIsWanted()) RefreshNames(now);
    CheckBudget(now);
    return true;
  }
  return HandleLoss(status);
}

/// The target could not be read: ends the recording, or attaches to what the target has become.
bool Sampler::HandleLoss(SampleStatus status) {
  if (status == SampleStatus::kPermission) {
    End(EndReason::kLostAccess);
    return false;
  }
  if (watch_.Exited()) {
    End(EndReason::kExited);
    return false;
  }
  // The interpreter is finalising, or the process runs another program now.
  if (!Search()) return false;
  ChooseReading();
  return true;
}

/// Finds names for the threads that the last sample saw for the first time.
void Sampler::NameNewThreads() {
  for (const ThreadSample& sample : reader_->samples()) {
    if (sample.serial >= threads_.size()) threads_.resize(sample.serial + 1);
    KnownThread& known = threads_[sample.serial];
    if (known.index < 0) known.name = names_->NameOf(sample.python_id, sample.native_id);
  }
}

/// Index of the sample's thread, which is announced when it is new.
int32_t Sampler::ThreadIndex(const ThreadSample& sample) {
  KnownThread& known = threads_[sample.serial];
  if (known.index < 0) {
    known.index = thread_count_++;
    pending_.threads.push_back(
        {options_.pid, sample.native_id, sample.interpreter, known.name, sample.is_main});
  }
  return known.index;
}

void Sampler::Record(uint64_t now, const Schedule::Tick& tick, bool readable) {
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  ++status.ticks;
  status.elapsed = now - origin_;
  if (late_) ++status.late_ticks;
  if (tick.missed > 0) {
    status.missed_ticks += tick.missed;
    status.gap_time += tick.gap;
    pending_.gaps.push_back({now - tick.gap - origin_, tick.gap, tick.missed});
  }
  if (!readable) return;
  SampleColumns& columns = pending_.samples;
  for (const ThreadSample& sample : reader_->samples()) {
    if (columns.time.size() >= options_.capacity) {
      ++status.dropped_samples;
      continue;
    }
    columns.thread.push_back(ThreadIndex(sample));
    columns.time.push_back(static_cast<double>(now - origin_));
    columns.weight.push_back(static_cast<double>(tick.weight));
    columns.stack.push_back(sample.stack);
    WalkResult how{sample.quality, sample.reason};
    if (!proved_ && sample.main_gil) how.Degrade(Quality::kRepaired, Reason::kUnproved);
    if (late_ && how.reason == Reason::kNone) how.reason = Reason::kLate;
    columns.quality.push_back(static_cast<uint8_t>(how.quality));
    columns.reason.push_back(static_cast<uint8_t>(how.reason));
    const CpuClock::Activity activity = cpu_clock_.Take(sample);
    columns.state.push_back((sample.state | activity.state) & status.states);
    columns.cpu.push_back(activity.cpu);
  }
  tables_.TakeNew(&pending_.rows);
}

void Sampler::RefreshNames(uint64_t now) {
  named_at_ = now;
  names_->Refresh();
  std::vector<ThreadRename> renamed;
  for (const ThreadSample& sample : reader_->samples()) {
    KnownThread& known = threads_[sample.serial];
    std::string name = names_->NameOf(sample.python_id, sample.native_id);
    if (known.index < 0 || name.empty() || name == known.name) continue;
    renamed.push_back({known.index, name});
    known.name = std::move(name);
  }
  const std::lock_guard lock(mutex_);
  pending_.renamed.insert(pending_.renamed.end(), renamed.begin(), renamed.end());
}

}  // namespace pyprof
