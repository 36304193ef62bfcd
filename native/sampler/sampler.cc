#include "sampler/sampler.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
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

/// How often asyncio is looked for, about 0.1 ms each time.
constexpr uint64_t kMinAsyncioGap = 10 * kMillisecond;
constexpr uint64_t kMaxAsyncioGap = kSecond / 2;

/// What a sample taken while sharing the core costs the target, by measurement (docs/accuracy.md):
/// timer interrupt, two context switches, the read.
constexpr uint64_t kExactCost = 45'000;
/// The part of it that is not the sampling thread's own CPU time.
constexpr uint64_t kSwitchCost = 15'000;
/// A wake-up later than this was not given the core, and comes when the target chose to block.
constexpr uint64_t kLate = kMillisecond;

uint64_t Now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t Now() { return Now(CLOCK_MONOTONIC); }

/// Thread id of the process's first thread as the process itself sees it: the last number of
/// NSpid, which differs from the pid when the target lives in a pid namespace of its own.
uint64_t MainNativeId(pid_t pid) {
  std::string status;
  if (ReadSmallFile("/proc/" + std::to_string(pid) + "/status", &status)) {
    const size_t line = status.find("\nNSpid:");
    if (line != std::string::npos) {
      const size_t end = status.find('\n', line + 1);
      const size_t last = status.find_last_of(" \t", end);
      return std::strtoull(status.c_str() + last, nullptr, 10);
    }
  }
  return static_cast<uint64_t>(pid);
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options, AttachResult* failure)
    : options_(options),
      memory_(options.pid),
      finder_(options.pid, &memory_),
      watch_(options.pid),
      sharing_(options.pid) {
  if (!options_.wait) {
    const AttachResult found = FindRuntime();
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
      std::make_unique<StackReader>(&memory_, found.runtime, MainNativeId(options_.pid), &tables_);
  threads_.clear();
  orphans_.clear();
  tasks_.reset();
  if (options_.tasks) {
    asyncio_ = std::make_unique<AsyncioFinder>(options_.pid, &memory_, found.runtime);
    asyncio_gap_ = kMinAsyncioGap;
    asyncio_sought_at_ = 0;
    FindAsyncio(Now());
  }
  names_->Refresh();
  named_at_ = Now();
  const std::lock_guard lock(mutex_);
  pending_.status.python_version = found.runtime.layout.Version();
  pending_.status.attach = AttachStatus::kOk;
  pending_.status.state = SamplerState::kSampling;
}

/// A runtime that can be sampled as asked; one without the tables that this needs is none.
AttachResult Sampler::FindRuntime() {
  AttachResult found = finder_.Find();
  if (found.status == AttachStatus::kOk && options_.tasks && found.runtime.layout.Minor() < 14) {
    found.status = AttachStatus::kNoTaskTable;
  }
  return found;
}

/// asyncio may be imported at any time, or never; the longer it is not, the rarer it is looked for.
void Sampler::FindAsyncio(uint64_t now) {
  if (asyncio_ == nullptr || tasks_ != nullptr || now - asyncio_sought_at_ < asyncio_gap_) return;
  asyncio_sought_at_ = now;
  asyncio_gap_ = std::min(kMaxAsyncioGap, 2 * asyncio_gap_);
  const auto offsets = asyncio_->Find();
  if (!offsets) return;
  tasks_ = std::make_unique<TaskReader>(&memory_, asyncio_->runtime(), *offsets, *options_.tasks,
                                        &tables_);
  reader_->KeepChains();
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
    const AttachResult found = FindRuntime();
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
    if (found.status == AttachStatus::kNoTaskTable) {
      CountExec(exec);
      End(origin_ == 0 ? EndReason::kNeverPython : EndReason::kNotPythonAfterExec);
      return false;
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
  if (!reader_->HasGil()) return UseLive(ReadingChange::kNoGil);
  if (!sharing_.Available()) return UseLive(ReadingChange::kNoRunCount);
  if (options_.reading == Reading::kAuto && share > options_.max_overhead) {
    return UseLive(ReadingChange::kOverBudget);
  }
  if (!sharing_.Follow(MainNativeId(options_.pid))) return UseLive(ReadingChange::kCoreNotAllowed);
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

/// One sample of the threads and, when they are asked for, of the tasks at the same instant.
SampleStatus Sampler::ReadOnce(Motion motion) {
  const SampleStatus status = reader_->Sample(motion);
  if (status == SampleStatus::kOk && tasks_ != nullptr) tasks_->Read(*reader_, motion);
  return status;
}

/// One sample by the reading in use; sets proved_.
SampleStatus Sampler::Read() {
  proved_ = true;
  if (reading_ == Reading::kStop) {
    const int error = stopper_->Stop();
    if (error == ESRCH) return SampleStatus::kProcessGone;
    if (error != 0) return SampleStatus::kPermission;
    const SampleStatus status = ReadOnce(Motion::kStopped);
    stopper_->LetGo();
    return status;
  }
  if (reading_ == Reading::kLive) return ReadOnce(Motion::kPossible);

  const uint64_t holder = reader_->HolderNow();
  const bool still = holder != 0 && sharing_.Begin(holder);
  const SampleStatus status = ReadOnce(still ? Motion::kStill : Motion::kPossible);
  proved_ = still && reader_->SteadyHolder() == holder &&
            (tasks_ == nullptr || reader_->HolderIsSteady()) && sharing_.StoodStill();
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
  Record(now, tick, status == SampleStatus::kOk);
  if (status == SampleStatus::kOk) {
    if (now - named_at_ >= kNamesGap || names_->RefreshIsWanted()) RefreshNames(now);
    CheckBudget(now);
    FindAsyncio(now);
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
        {options_.pid, sample.native_id, sample.interpreter, known.name, sample.is_main, false});
  }
  return known.index;
}

/// Index of the row for the suspended tasks among which this one is.
int32_t Sampler::WaitingIndex(const WaitingTask& task) {
  const auto announce = [this](ThreadRow row) {
    pending_.threads.push_back(std::move(row));
    return thread_count_++;
  };
  if (task.sample < 0) {
    const auto [at, is_new] = orphans_.try_emplace(task.interpreter, -1);
    if (is_new) at->second = announce({options_.pid, 0, task.interpreter, "", false, true});
    return at->second;
  }
  const ThreadSample& sample = tasks_->samples()[static_cast<size_t>(task.sample)];
  KnownThread& known = threads_[sample.serial];
  if (known.waiting_index < 0) {
    known.waiting_index =
        announce({options_.pid, sample.native_id, sample.interpreter, known.name, false, true});
  }
  return known.waiting_index;
}

void Sampler::AddSample(uint64_t now, const Schedule::Tick& tick, int32_t thread, int32_t stack,
                        WalkResult how, bool main_gil) {
  SampleColumns& columns = pending_.samples;
  if (columns.time.size() >= options_.capacity) {
    ++pending_.status.dropped_samples;
    return;
  }
  columns.thread.push_back(thread);
  columns.time.push_back(static_cast<double>(now - origin_));
  columns.weight.push_back(static_cast<double>(tick.weight));
  columns.stack.push_back(stack);
  if (!proved_ && main_gil) how.Degrade(Quality::kRepaired, Reason::kUnproved);
  if (late_ && how.reason == Reason::kNone) how.reason = Reason::kLate;
  columns.quality.push_back(static_cast<uint8_t>(how.quality));
  columns.reason.push_back(static_cast<uint8_t>(how.reason));
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
  for (const ThreadSample& sample : tasks_ != nullptr ? tasks_->samples() : reader_->samples()) {
    AddSample(now, tick, ThreadIndex(sample), sample.stack, {sample.quality, sample.reason},
              sample.main_gil);
  }
  if (tasks_ != nullptr) {
    status.loop_seen = status.loop_seen || tasks_->loop_seen();
    for (const WaitingTask& task : tasks_->waiting()) {
      AddSample(now, tick, WaitingIndex(task), task.stack, {task.quality, task.reason}, true);
    }
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
    if (known.waiting_index >= 0) renamed.push_back({known.waiting_index, name});
    known.name = std::move(name);
  }
  const std::lock_guard lock(mutex_);
  pending_.renamed.insert(pending_.renamed.end(), renamed.begin(), renamed.end());
}

}  // namespace pyprof
