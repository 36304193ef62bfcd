#include "sampler/sampler.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "memory/clock.h"
#include "sampler/futex.h"

namespace pyprof {
namespace {

/// How often the target of the recording is searched for a Python at the least.
constexpr uint64_t kTargetSearchGap = 20 * kMillisecond;
/// How long a process that was Python before an exec is given to become Python again.
constexpr uint64_t kAfterExec = 3 * kSecond;
/// How often is looked for new processes and programs before sampling has begun, at first and when
/// it lasts; afterwards every tick does.
constexpr uint64_t kEarlyLookGap = kMillisecond;
constexpr uint64_t kEarly = 2 * kSecond;
constexpr uint64_t kLateLookGap = 5 * kMillisecond;
/// A process that may not be read, while it starts another program, often may a moment later.
constexpr uint64_t kFailureHolds = 20 * kMillisecond;
/// How often is looked, while nothing may be read, whether the processes are still there.
constexpr uint64_t kPausedLookGap = 20 * kMillisecond;

/// What a sample taken while sharing the core costs the target, by measurement (docs/accuracy.md):
/// timer interrupt, two context switches, the read.
constexpr uint64_t kExactCost = 45'000;
/// The part of it that is not the sampling thread's own CPU time.
constexpr uint64_t kSwitchCost = 15'000;
/// A wake-up later than this was not given the core, and comes when the target chose to block.
constexpr uint64_t kLate = kMillisecond;
/// Rows whose memory is held between two drains, however few there are.
constexpr size_t kKeptRows = 4096;

}  // namespace

Sampler::Sampler(const SamplerOptions& options, AttachResult* failure)
    : options_(options),
      shared_{&tables_,
              {options_.states, options_.native_markers},
              options_.tasks,
              std::make_shared<TaskFiles>(),
              std::make_shared<KnownFiles>()},
      wanted_(!options.disabled),
      enabled_(!options.disabled) {
  targets_.push_back(std::make_unique<Followed>(options_.pid, nullptr, shared_));
  root().target.set_search_gap(kTargetSearchGap);
  Publish(&root());
  if (options_.follow) {
    descendants_ = std::make_unique<Descendants>(options_.pid);
    pending_.status.descendants = descendants_->source();
  }
  failure->status = AttachStatus::kOk;
  if (!options_.wait) {
    const AttachResult found = root().target.Search(Now());
    if (found.status == AttachStatus::kOk) {
      Attach(&root(), found);
    } else if (CanGoOn(found)) {
      NoteFailure(&root(), found, Now());
    } else {
      *failure = found;
      End(EndReason::kNeverPython);
      return;
    }
  }
  loop_ = std::thread([this] { Run(); });
}

/// Whether there may be Pythons below a target that is none that can be read.
bool Sampler::CanGoOn(const AttachResult& found) {
  if (!options_.follow) return false;
  FindDescendants(Now());
  switch (found.status) {
    case AttachStatus::kNotPython:  // a zombie or a kernel thread has no memory
      return found.detail.empty();
    case AttachStatus::kNotStarted:
      return true;
    case AttachStatus::kUnsupportedVersion:
    case AttachStatus::kBadLayout:
    case AttachStatus::kNoTaskTable:
      return targets_.size() > 1;
    default:
      return false;
  }
}

Sampler::~Sampler() { Stop(); }

void Sampler::Stop() {
  stop_ = true;
  Wake();
  if (loop_.joinable()) loop_.join();
}

void Sampler::Wake() {
  ++requests_;
  FutexWake(&requests_);
}

bool Sampler::SetEnabled(bool enabled) {
  std::unique_lock lock(mutex_);
  wanted_ = enabled;
  Wake();
  const auto ended = [this] { return pending_.status.state == SamplerState::kEnded; };
  switched_.wait(lock, [&] { return enabled_ == enabled || ended(); });
  return !ended();
}

uint64_t Sampler::Elapsed() const {
  const uint64_t origin = origin_;
  return origin == 0 ? 0 : Now() - origin;
}

void SampleColumns::Clear() {
  const auto clear = [](auto*... columns) { (columns->clear(), ...); };
  // Once there was much more than usual, which need not be held for good.
  if (time.capacity() > kKeptRows && Length() < time.capacity() / 16) *this = SampleColumns{};
  clear(&time, &weight, &thread, &stack, &quality, &reason, &state, &cpu);
}

void Sampler::Drain(Batch* batch) {
  batch->samples.Clear();
  SampleColumns room = std::move(batch->samples);
  const std::lock_guard lock(mutex_);
  *batch = std::move(pending_);
  pending_ = Batch{};
  pending_.samples = std::move(room);
  pending_.status = batch->status;
  clockid_t clock = 0;
  if (loop_.joinable() && batch->status.state != SamplerState::kEnded &&
      pthread_getcpuclockid(loop_.native_handle(), &clock) == 0) {
    batch->status.sampler_cpu = Now(clock);
  }
}

/// Returns early when something is requested. False when the sampler is to stop.
bool Sampler::SleepUntil(uint64_t time) {
  while (true) {
    const uint32_t seen = requests_;
    if (stop_ || wanted_ != enabled_ || Now() >= time) return !stop_;
    FutexWait(&requests_, seen, time);
  }
}

double Sampler::SinceOrigin(uint64_t now) const {
  return origin_ == 0 || now < origin_ ? 0 : static_cast<double>(now - origin_);
}

void Sampler::End(EndReason reason) {
  uint64_t now = Now();
  if (deadline_ != 0 && now > deadline_) now = deadline_;
  if (!enabled_) CountPause(now);
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  if (origin_ != 0) status.elapsed = now - origin_;
  status.sampler_cpu = Now(CLOCK_THREAD_CPUTIME_ID);
  status.state = SamplerState::kEnded;
  status.end_reason = reason;
  switched_.notify_all();
}

void Sampler::Run() {
  pthread_setname_np(pthread_self(), "pyprof-sampler");
  // A timer may be late by the slack, which is 50 us unless asked otherwise.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  AskForPromptWakeups();
  started_at_ = looked_at_ = Now();
  if (attached_ > 0) Begin(&root());
  while (true) {
    if (!SleepUntil(NextWake())) return End(EndReason::kStopped);
    const uint64_t now = Now();
    if (deadline_ != 0 && now >= deadline_) return End(EndReason::kDuration);
    if (wanted_ != enabled_) {
      if (!Switch(now)) return;
      continue;
    }
    if (!enabled_) {
      if (!LookForEnds(now)) return;
      continue;
    }
    const bool tick = schedule_ && now >= schedule_->next();
    if (!(tick ? TakeTick(now) : LookAround(now, nullptr))) return;
  }
}

/// The first Python was found: time begins to count.
void Sampler::Begin(Followed* followed) {
  ChooseReading(followed);
  origin_ = Now();
  deadline_ = options_.duration > 0 ? origin_ + options_.duration : 0;
  schedule_.emplace(origin_, options_.interval, options_.seed);
  paused_since_ = origin_;
}

/// Pauses, or goes on. False when the recording has ended.
bool Sampler::Switch(uint64_t now) {
  const bool enable = !enabled_;
  if (!enable) {
    paused_since_ = now;
    // Nothing was there to be read, so nothing will stand for the time since the last tick.
    skipped_ = schedule_ && attached_ == 0 ? schedule_->Skip(now) : 0;
    for (const auto& followed : targets_) followed->target.Pause();
  } else {
    CountPause(now);
    if (schedule_) schedule_->Shift(now - paused_since_);
    for (const auto& followed : targets_) followed->target.Resume();
    budget_from_ = 0;
    // Who asks for samples is to get them from now on.
    if (!LookAround(now, nullptr)) return false;
  }
  const std::lock_guard lock(mutex_);
  enabled_ = enable;
  switched_.notify_all();
  return true;
}

void Sampler::CountPause(uint64_t now) {
  const std::lock_guard lock(mutex_);
  if (origin_ != 0) pending_.status.paused_time += now - paused_since_ + skipped_;
  ++pending_.status.pauses;
  skipped_ = 0;
}

/// While nothing may be read: which processes have come and gone, as /proc tells. False when the
/// recording has ended.
bool Sampler::LookForEnds(uint64_t now) {
  looked_at_ = now;
  if (descendants_ != nullptr && descendants_->due() <= now) FindDescendants(now);
  for (size_t i = 0; i < targets_.size(); ++i) {
    Followed* followed = targets_[i].get();
    if (followed->ended || !followed->target.Exited()) continue;
    if (!followed->target.attached()) {
      Close(followed, now);
    } else if (!HandleLoss(followed, SampleStatus::kProcessGone, now)) {
      return false;
    }
  }
  return DropEnded();
}

/// Once sampling has begun, a Python that starts need not be known before the next tick.
uint64_t Sampler::NextWake() const {
  uint64_t wake = descendants_ != nullptr ? descendants_->due() : UINT64_MAX;
  if (deadline_ != 0) wake = std::min(wake, deadline_);
  if (!enabled_) return std::min(wake, looked_at_ + kPausedLookGap);
  if (schedule_) return std::min(wake, schedule_->next());
  const bool early = looked_at_ - started_at_ < kEarly;
  wake = std::min(wake, looked_at_ + (early ? kEarlyLookGap : kLateLookGap));
  for (const auto& followed : targets_) {
    if (!followed->ended) wake = std::min(wake, followed->target.search_due());
  }
  return wake;
}

/// One sample of every process. False when the recording has ended.
bool Sampler::TakeTick(uint64_t now) {
  CheckCrowd();
  late_ = reading_ == Reading::kExact && now - schedule_->next() > kLate;
  const Schedule::Tick tick = schedule_->Take(now);
  RecordTick(now, tick);
  const size_t count = targets_.size();
  const size_t first = first_++ % count;
  for (size_t i = 0; i < count; ++i) {
    Followed* followed = targets_[(first + i) % count].get();
    if (followed->target.attached() && !SampleOnce(followed, now, tick)) return false;
  }
  if (!LookAround(now, &tick)) return false;
  if (attached_ == 0) RecordNothing(now, tick);
  CheckBudget(now);
  const uint64_t end = Now();
  const std::lock_guard lock(mutex_);
  pending_.status.tick_time += end - now;
  return true;
}

/// Looks for new processes, and for a Python in those that are none yet. What is found in a tick is
/// sampled in it. False when the recording has ended.
bool Sampler::LookAround(uint64_t now, const Schedule::Tick* tick) {
  looked_at_ = now;
  if (descendants_ != nullptr) FindDescendants(now);
  // A crowd of new processes must not keep the others waiting for long: the rest is searched later.
  const uint64_t until = Now() + std::max(options_.interval / 2, kMillisecond);
  for (size_t i = 0; i < targets_.size(); ++i) {
    Followed* followed = targets_[i].get();
    if (followed->ended || followed->target.attached()) continue;
    const uint64_t at = Now();
    if (at >= until) break;
    if (!followed->target.SearchIsDue(at)) continue;
    if (!Search(followed, at)) return false;
    if (!followed->target.attached()) continue;
    if (schedule_) {
      ChooseReading(followed);
    } else {
      Begin(followed);
    }
    if (tick != nullptr && !SampleOnce(followed, now, *tick)) return false;
  }
  return DropEnded();
}

void Sampler::FindDescendants(uint64_t now) {
  for (const auto& [pid, parent] : descendants_->Look(now)) {
    Followed* above = &root();
    for (const auto& each : targets_) {
      if (!each->ended && each->target.pid() == parent) above = each.get();
    }
    targets_.push_back(std::make_unique<Followed>(pid, above, shared_));
  }
}

/// Looks for a Python in a process. False when the recording has ended.
bool Sampler::Search(Followed* followed, uint64_t now) {
  Target& target = followed->target;
  const AttachResult found = target.Search(now);
  if (found.status == AttachStatus::kOk) {
    Attach(followed, found);
    return true;
  }
  NoteFailure(followed, found, now);
  if (target.Exited()) {
    Close(followed, now);
    return true;
  }
  if (!options_.follow && found.status == AttachStatus::kNoTaskTable) {
    CountExec(followed);
    End(origin_ == 0 ? EndReason::kNeverPython : EndReason::kNotPythonAfterExec);
    return false;
  }
  if (!options_.follow && target.executed() && !options_.wait &&
      now - target.searched_since() >= kAfterExec) {
    CountExec(followed);
    End(EndReason::kNotPythonAfterExec);
    return false;
  }
  return true;
}

void Sampler::Attach(Followed* followed, const AttachResult& found) {
  followed->target.Attach(found);
  followed->states_counted = false;
  followed->orphans.clear();
  ++attached_;
  ProcessRow& process = followed->process;
  process.python_version = found.runtime.layout.Version();
  process.unreadable = AttachStatus::kOk;
  process.detail.clear();
  process.end = -1;
  followed->failure = AttachStatus::kOk;
  CountExec(followed);
  const bool is_root = followed == &root();
  if (followed->target.row >= 0) {
    process.command = followed->target.Command();
    Publish(followed);
  }
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  if (is_root || status.python_version.empty()) status.python_version = process.python_version;
  if (thread_count_ == 0) status.states = followed->target.known_states();
  status.attach = AttachStatus::kOk;
  status.state = SamplerState::kSampling;
}

/// Remembers why there is nothing to read; a process that may be a Python and cannot be read has a
/// row of its own for that.
void Sampler::NoteFailure(Followed* followed, const AttachResult& found, uint64_t now) {
  if (found.status != followed->failure) followed->failed_since = now;
  followed->failure = found.status;
  if (followed == &root()) {
    const std::lock_guard lock(mutex_);
    pending_.status.attach = found.status;
    pending_.status.attach_detail = found.detail;
  }
  // A version that was read is a fact, even of a process that has ended a moment later.
  const bool holds = found.status == AttachStatus::kUnsupportedVersion ||
                     found.status == AttachStatus::kNoTaskTable ||
                     now - followed->failed_since >= kFailureHolds || followed->target.Exited();
  const bool named =
      found.status == AttachStatus::kUnsupportedVersion ||
      found.status == AttachStatus::kBadLayout || found.status == AttachStatus::kNoTaskTable ||
      (found.status == AttachStatus::kPermission && !followed->target.Exited()) ||
      (found.status == AttachStatus::kNotStarted && found.detail == Target::kUntoldFork);
  ProcessRow& process = followed->process;
  if (!options_.follow || !named || !holds || process.unreadable == found.status) return;
  process.unreadable = found.status;
  process.detail = found.detail;
  Publish(followed);
}

void Sampler::CountExec(Followed* followed) {
  if (!followed->target.executed()) return;
  followed->target.ForgetExec();
  const std::lock_guard lock(mutex_);
  ++pending_.status.execs;
}

void Sampler::UseLive(ReadingChange why) {
  for (const auto& followed : targets_) followed->target.LeaveCore();
  reading_ = Reading::kLive;
  const std::lock_guard lock(mutex_);
  pending_.status.reading = reading_;
  pending_.status.reading_change = why;
}

/// Decides on the reading for a process just attached to.
void Sampler::ChooseReading(Followed* followed) {
  if (several_ || attached_ > 1) return;
  reading_ = options_.reading == Reading::kAuto ? Reading::kExact : options_.reading;
  {
    const std::lock_guard lock(mutex_);
    pending_.status.reading = reading_;
    pending_.status.reading_change = ReadingChange::kNone;
  }
  if (reading_ != Reading::kExact) return;
  const double share = static_cast<double>(kExactCost) / static_cast<double>(options_.interval);
  if (!followed->target.HasGil()) return UseLive(ReadingChange::kNoGil);
  CoreSharing* sharing = followed->target.sharing();
  if (!sharing->Available()) return UseLive(ReadingChange::kNoRunCount);
  if (options_.reading == Reading::kAuto && share > options_.max_overhead) {
    return UseLive(ReadingChange::kOverBudget);
  }
  if (!sharing->Follow(static_cast<uint64_t>(followed->target.pid()))) {
    return UseLive(ReadingChange::kCoreNotAllowed);
  }
  budget_from_ = 0;
}

/// Goes over to live reading, for good, when a second process is there at two ticks. A fork that is
/// about to run another program is there at one at most.
void Sampler::CheckCrowd() {
  if (reading_ != Reading::kExact || attached_ < 2) {
    crowded_ = false;
  } else if (crowded_) {
    several_ = true;
    UseLive(ReadingChange::kSeveralProcesses);
  } else {
    crowded_ = true;
  }
}

/// Once a second: goes over to live reading when sharing the core has taken more than allowed.
void Sampler::CheckBudget(uint64_t now) {
  if (options_.reading != Reading::kAuto || reading_ != Reading::kExact) return;
  ++budget_ticks_;
  if (budget_from_ != 0 && now - budget_from_ < kSecond) return;
  uint64_t cpu = Now(CLOCK_THREAD_CPUTIME_ID);
  for (const auto& followed : targets_) {
    const CoreSharing::Held held = followed->target.held();
    cpu += held.cpu + held.takes * kSwitchCost;
  }
  // What a process had taken goes with it.
  if (budget_from_ != 0 && cpu >= budget_cpu_) {
    const uint64_t taken = cpu - budget_cpu_ + budget_ticks_ * kSwitchCost;
    const double share = static_cast<double>(taken) / static_cast<double>(now - budget_from_);
    if (share > options_.max_overhead) UseLive(ReadingChange::kOverBudget);
  }
  budget_from_ = now;
  budget_cpu_ = cpu;
  budget_ticks_ = 0;
}

/// Samples a process that is attached to. False when the recording has ended.
bool Sampler::SampleOnce(Followed* followed, uint64_t now, const Schedule::Tick& tick) {
  Target& target = followed->target;
  const bool alone = attached_ < 2;
  const SampleStatus status =
      target.Sample(reading_ == Reading::kExact && !alone ? Reading::kLive : reading_, attached_,
                    schedule_->next());
  if (status != SampleStatus::kOk) return HandleLoss(followed, status, now);
  target.NameNewThreads();
  Record(followed, now, tick);
  if (target.NamesAreDue(now)) RefreshNames(followed, now);
  target.FindAsyncio(now);
  return true;
}

/// A process could not be read: it has ended, or may become another Python.
bool Sampler::HandleLoss(Followed* followed, SampleStatus status, uint64_t now) {
  Target& target = followed->target;
  if (status == SampleStatus::kPermission && !options_.follow) {
    End(EndReason::kLostAccess);
    return false;
  }
  target.LeaveCore();
  target.Detach();
  --attached_;
  if (target.Exited()) {
    Close(followed, now);
    return true;
  }
  // The interpreter is finalising, or the process runs another program now.
  followed->process.end = SinceOrigin(now);
  if (target.row >= 0) Publish(followed);
  target.SearchAnew(now);
  const std::lock_guard lock(mutex_);
  if (attached_ == 0) pending_.status.state = SamplerState::kSearching;
  return true;
}

/// The process has ended.
void Sampler::Close(Followed* followed, uint64_t now) {
  // Children that it started last are told of only as long as it is known.
  if (descendants_ != nullptr) FindDescendants(now);
  followed->ended = true;
  if (descendants_ != nullptr) descendants_->Ended(followed->target.pid());
  if (followed->target.row < 0) return;
  if (followed->process.end < 0) followed->process.end = SinceOrigin(now);
  Publish(followed);
}

/// Forgets processes that have ended. False when there is none left, and the recording has ended.
bool Sampler::DropEnded() {
  for (const auto& gone : targets_) {
    if (!gone->ended || gone == targets_.front()) continue;
    for (const auto& each : targets_) {
      if (each->target.parent() == &gone->target) each->target.LoseParent(gone->target.parent());
    }
  }
  const auto last = std::remove_if(targets_.begin() + 1, targets_.end(),
                                   [](const auto& followed) { return followed->ended; });
  targets_.erase(last, targets_.end());
  if (!root().ended || targets_.size() > 1) return true;
  End(origin_ == 0 ? EndReason::kNeverPython : EndReason::kExited);
  return false;
}

/// Hands a new or changed row over; a new one gets its number, start and command.
void Sampler::Publish(Followed* followed) {
  ProcessRow& process = followed->process;
  if (followed->target.row < 0) {
    followed->target.row = process_count_++;
    process.index = followed->target.row;
    process.pid = followed->target.pid();
    process.parent = followed->target.ParentRow();
    process.start = SinceOrigin(Now());
    process.command = followed->target.Command();
  }
  const std::lock_guard lock(mutex_);
  pending_.processes.push_back(process);
}

/// Index of the sample's thread, which is announced when it is new.
int32_t Sampler::ThreadIndex(Followed* followed, const ThreadSample& sample) {
  Target::KnownThread& known = followed->target.threads()[sample.serial];
  if (known.index < 0) {
    known.index = thread_count_++;
    pending_.threads.push_back({followed->target.row, sample.native_id, sample.interpreter,
                                known.name, sample.is_main, false,
                                followed->target.known_states()});
  }
  return known.index;
}

/// Index of the row for the suspended tasks among which this one is.
int32_t Sampler::WaitingIndex(Followed* followed, const WaitingTask& task) {
  Target& target = followed->target;
  const auto announce = [this](ThreadRow row) {
    pending_.threads.push_back(std::move(row));
    return thread_count_++;
  };
  if (task.sample < 0) {
    const auto [at, is_new] = followed->orphans.try_emplace(task.interpreter, -1);
    if (is_new) at->second = announce({target.row, 0, task.interpreter, "", false, true});
    return at->second;
  }
  const ThreadSample& sample = target.samples()[static_cast<size_t>(task.sample)];
  Target::KnownThread& known = target.threads()[sample.serial];
  if (known.waiting_index < 0) {
    known.waiting_index =
        announce({target.row, sample.native_id, sample.interpreter, known.name, false, true});
  }
  return known.waiting_index;
}

/// Counts what has to be dropped.
bool Sampler::HasRoom() {
  if (pending_.samples.Length() < options_.capacity) return true;
  ++pending_.status.dropped_samples;
  return false;
}

void Sampler::AddSample(const Target& target, uint64_t now, const Schedule::Tick& tick, Row row) {
  SampleColumns& columns = pending_.samples;
  columns.thread.push_back(row.thread);
  columns.time.push_back(static_cast<double>(now - origin_));
  columns.weight.push_back(static_cast<double>(tick.weight));
  columns.stack.push_back(row.stack);
  if (!row.proved) row.how.Degrade(Quality::kRepaired, Reason::kUnproved);
  if (late_ && row.how.reason == Reason::kNone) row.how.reason = Reason::kLate;
  columns.quality.push_back(static_cast<uint8_t>(row.how.quality));
  columns.reason.push_back(static_cast<uint8_t>(row.how.reason));
  columns.state.push_back(row.state & target.known_states());
  columns.cpu.push_back(row.cpu);
}

void Sampler::RecordTick(uint64_t now, const Schedule::Tick& tick) {
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  ++status.ticks;
  status.elapsed = now - origin_;
  if (late_) ++status.late_ticks;
  if (tick.missed == 0) return;
  status.missed_ticks += tick.missed;
  status.gap_time += tick.gap;
  pending_.gaps.push_back({now - tick.gap - origin_, tick.gap, tick.missed});
}

/// There is no Python at this tick: what it stands for is a gap.
void Sampler::RecordNothing(uint64_t now, const Schedule::Tick& tick) {
  const std::lock_guard lock(mutex_);
  SamplerStatus& status = pending_.status;
  --status.ticks;
  ++status.missed_ticks;
  status.gap_time += tick.weight;
  const uint64_t start = now - tick.gap - tick.weight - origin_;
  if (!pending_.gaps.empty() &&
      pending_.gaps.back().start + pending_.gaps.back().duration == start) {
    pending_.gaps.back().duration += tick.weight;
    ++pending_.gaps.back().missed;
  } else {
    pending_.gaps.push_back({start, tick.weight, 1});
  }
}

/// Once it is sure that there is something to tell of the process: one that ended meanwhile could
/// not be asked.
void Sampler::CountStates(Followed* followed) {
  if (followed->states_counted) return;
  followed->states_counted = true;
  const uint8_t states = followed->target.known_states();
  uint8_t* all = &pending_.status.states;
  *all = thread_count_ == 0 ? states : *all & states;
}

void Sampler::Record(Followed* followed, uint64_t now, const Schedule::Tick& tick) {
  Target& target = followed->target;
  if (target.row < 0 && !target.samples().empty()) Publish(followed);
  const std::lock_guard lock(mutex_);
  if (!target.samples().empty()) CountStates(followed);
  for (const ThreadSample& sample : target.samples()) {
    if (!HasRoom()) continue;
    const CpuClock::Activity activity = target.TakeActivity(sample);
    AddSample(target, now, tick,
              {ThreadIndex(followed, sample),
               sample.stack,
               {sample.quality, sample.reason},
               target.Proves(sample),
               static_cast<uint8_t>(sample.state | activity.state),
               activity.cpu});
  }
  if (const TaskReader* tasks = target.tasks()) {
    pending_.status.loop_seen = pending_.status.loop_seen || tasks->loop_seen();
    for (const WaitingTask& task : tasks->waiting()) {
      if (!HasRoom()) continue;
      AddSample(
          target, now, tick,
          {WaitingIndex(followed, task), task.stack, {task.quality, task.reason}, target.proved()});
    }
  }
  tables_.TakeNew(&pending_.rows);
}

/// Reads again what can change at any time: names of threads, and the command line.
void Sampler::RefreshNames(Followed* followed, uint64_t now) {
  std::vector<ThreadRename> renamed;
  followed->target.RefreshNames(now, [&renamed](const Target::KnownThread& known) {
    renamed.push_back({known.index, known.name});
    if (known.waiting_index >= 0) renamed.push_back({known.waiting_index, known.name});
  });
  std::string command = options_.follow ? followed->target.Command() : "";
  if (!command.empty() && followed->target.row >= 0 && command != followed->process.command) {
    followed->process.command = std::move(command);
    Publish(followed);
  }
  const std::lock_guard lock(mutex_);
  pending_.renamed.insert(pending_.renamed.end(), renamed.begin(), renamed.end());
}

}  // namespace pyprof
