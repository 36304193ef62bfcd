#include "dump/dump.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "memory/clock.h"
#include "memory/process_memory.h"
#include "sampler/core_sharing.h"
#include "stack/python_threads.h"
#include "stack/task_ids.h"

namespace pyprof {
namespace {

/// How often, and for how long, a picture that is not proved is taken again.
constexpr size_t kMaxAttempts = 200;
constexpr uint64_t kMaxTime = 2 * kSecond;
/// Between two attempts: who slept is given the core promptly, and for long enough.
constexpr uint64_t kPause = 3 * kMillisecond;
/// glibc's pthread_cond_t and pthread_mutex_t, on whose words a thread sleeps that waits for the
/// GIL.
constexpr uint64_t kGilQueue = sizeof(pthread_cond_t) + sizeof(pthread_mutex_t);

/// Looks that tell who works from who waits, and the time between them, which is not that of the
/// GIL's own rhythm of 5 ms.
constexpr size_t kLooks = 12;
constexpr uint64_t kLookGap = 2'300'000;

void Pause(uint64_t time) {
  const timespec wanted{static_cast<time_t>(time / kSecond), static_cast<long>(time % kSecond)};
  nanosleep(&wanted, nullptr);
}

PictureOptions OptionsOf(const DumpOptions& options, std::optional<AsyncioOffsets> tasks) {
  return {std::move(tasks), options.values, options.threads, options.frame};
}

void Keep(const Picture& picture, Dump* dump) {
  dump->tasks = picture.tasks();
  dump->tasks_cut = picture.tasks_cut();
  dump->loop_seen = picture.loop_seen();
  dump->limit_reached = picture.LimitReached();
}

void Unprove(ThreadSample* sample) {
  if (Quality::kRepaired <= sample->quality) return;
  sample->quality = Quality::kRepaired;
  sample->reason = Reason::kUnproved;
}

/// The reading that can be had.
void ChooseReading(Target* target, pid_t pid, Dump* dump) {
  if (dump->reading != Reading::kExact) return;
  if (!target->HasGil()) {
    dump->reading_change = ReadingChange::kNoGil;
  } else if (!target->sharing()->Available()) {
    dump->reading_change = ReadingChange::kNoRunCount;
  } else if (!target->sharing()->Follow(static_cast<uint64_t>(pid))) {
    dump->reading_change = ReadingChange::kCoreNotAllowed;
  }
  if (dump->reading_change != ReadingChange::kNone) dump->reading = Reading::kLive;
}

/// Whoever waits for the GIL wakes up every few milliseconds to ask for it, and is then on a
/// processor like a thread that works in C. Some more looks tell these two apart. Of the threads
/// that the picture found on a processor without the GIL, by serial.
std::set<uint32_t> WaitersAmong(Target* target, const std::vector<ThreadSample>& samples,
                                const std::vector<uint8_t>& states) {
  std::set<uint32_t> doubtful;
  std::set<uint32_t> waiters;
  for (size_t i = 0; i < samples.size(); ++i) {
    if ((states[i] & (kOnCpu | kHoldsGil | kWaitsForGil)) == kOnCpu) {
      doubtful.insert(samples[i].serial);
    }
  }
  for (size_t look = 0; look < kLooks && waiters.size() < doubtful.size(); ++look) {
    Pause(kLookGap);
    if (target->Sample(Reading::kLive, 1) != SampleStatus::kOk) break;
    for (const ThreadSample& sample : target->samples()) {
      const uint8_t state = target->TakeActivity(sample).state;
      if (doubtful.contains(sample.serial) && (state & kWaitsForGil) != 0) {
        waiters.insert(sample.serial);
      }
    }
  }
  return waiters;
}

AttachStatus StatusOf(SampleStatus status) {
  switch (status) {
    case SampleStatus::kOk:
      return AttachStatus::kOk;
    case SampleStatus::kProcessGone:
      return AttachStatus::kNoSuchProcess;
    case SampleStatus::kPermission:
      return AttachStatus::kPermission;
    case SampleStatus::kNoInterpreter:
      return AttachStatus::kNotStarted;
  }
  return AttachStatus::kNotStarted;
}

}  // namespace

Dump DumpProcess(pid_t pid, const DumpOptions& options) {
  Dump dump;
  dump.reading = options.reading;
  AskForPromptWakeups();
  Tables tables;
  const TargetShared shared{
      &tables, {.states = true, .native_markers = false}, {}, std::make_shared<TaskFiles>()};
  Target target(pid, nullptr, shared);
  const AttachResult found = target.Search(Now());
  dump.status = found.status;
  dump.detail = found.detail;
  if (found.status != AttachStatus::kOk) return dump;
  const Layout& layout = found.runtime.layout;
  dump.python_version = layout.Version();
  target.Attach(found);
  ChooseReading(&target, pid, &dump);

  ProcessMemory memory(pid);
  std::optional<AsyncioOffsets> tasks;
  dump.has_task_table = layout.Minor() >= 14;
  if (options.tasks && dump.has_task_table) {
    tasks = AsyncioFinder(pid, &memory, found.runtime).Find();
  }
  Picture picture(&memory, found.runtime, &tables, OptionsOf(options, std::move(tasks)));

  // What the first look has to find out, the picture need not.
  SampleStatus status = target.Sample(Reading::kLive, 1);
  uint64_t inspected_at = 0;
  target.Inspect([&](const StackReader& reader, Motion) {
    inspected_at = Now();
    picture.Take(reader);
    dump.duration = Now() - inspected_at;
  });
  const uint64_t start = Now();
  while (status == SampleStatus::kOk) {
    ++dump.attempts;
    status = target.Sample(dump.reading, 1);
    dump.proved = status == SampleStatus::kOk && dump.reading != Reading::kLive && target.proved();
    if (dump.reading != Reading::kExact || dump.proved) break;
    if (dump.attempts >= kMaxAttempts || Now() - start > kMaxTime) break;
    Pause(kPause);
  }
  target.LeaveCore();
  if (status != SampleStatus::kOk) {
    dump.status = StatusOf(status);
    if (dump.status == AttachStatus::kPermission) dump.detail = "ptrace";
    return dump;
  }
  target.NameNewThreads();
  dump.known_states = target.known_states();
  TaskIds ids(pid);
  const std::vector<ThreadSample> samples = target.samples();
  std::vector<uint8_t> states;
  for (const ThreadSample& sample : samples) {
    states.push_back(static_cast<uint8_t>((sample.state | target.TakeActivity(sample).state) &
                                          dump.known_states));
  }
  Keep(picture, &dump);
  target.Inspect({});
  const std::set<uint32_t> waiters = WaitersAmong(&target, samples, states);
  for (size_t i = 0; i < samples.size(); ++i) {
    const ThreadSample& sample = samples[i];
    DumpThread thread{
        sample, target.threads()[sample.serial].name, ids.Outer(sample.native_id), {}};
    thread.sample.state = states[i];
    if (waiters.contains(sample.serial)) {
      thread.sample.state = static_cast<uint8_t>((states[i] & ~kOnCpu) | kWaitsForGil);
    }
    if (!dump.proved && sample.main_gil) Unprove(&thread.sample);
    if (i < picture.threads().size()) thread.frames = picture.threads()[i];
    dump.threads.push_back(std::move(thread));
  }
  tables.TakeNew(&dump.rows);
  return dump;
}

Dump DumpCore(CoreFile* core, const DumpOptions& options) {
  Dump dump;
  dump.reading = Reading::kStop;
  const auto open = [core](const Mapping& mapping) { return core->OpenMapped(mapping); };
  const AttachResult found = RuntimeFinder(core, open).FindAmong(core->mappings());
  dump.status = found.status;
  dump.detail = found.detail;
  if (found.status != AttachStatus::kOk) return dump;
  const Layout& layout = found.runtime.layout;
  dump.python_version = layout.Version();

  Tables tables;
  StackReader reader(core, found.runtime, static_cast<uint64_t>(core->pid()), &tables,
                     {.states = true, .native_markers = false});
  std::optional<AsyncioOffsets> tasks;
  dump.has_task_table = layout.Minor() >= 14;
  if (options.tasks && dump.has_task_table) {
    tasks = AsyncioFinder(core, found.runtime, open).FindAmong(core->mappings());
  }
  Picture picture(core, found.runtime, &tables, OptionsOf(options, std::move(tasks)));
  // The first sample finds the threads; the second one reads them by that.
  reader.Sample(Motion::kStopped);
  reader.KeepChains();
  const SampleStatus status = reader.Sample(Motion::kStopped);
  dump.status = StatusOf(status);
  if (status != SampleStatus::kOk) return dump;
  dump.attempts = 1;
  dump.proved = true;
  picture.Take(reader);

  std::vector<PythonThread> named = PythonThreads(core, found.runtime).Read();
  dump.known_states = reader.known_states();
  const bool registers =
      std::any_of(core->threads().begin(), core->threads().end(),
                  [](const CoreThread& thread) { return thread.in_system_call.has_value(); });
  if (registers) {
    const uint8_t gil = (dump.known_states & kHoldsGil) != 0 ? kWaitsForGil : 0;
    dump.known_states = static_cast<uint8_t>(dump.known_states | kOnCpu | gil);
  }
  for (const ThreadSample& sample : reader.samples()) {
    DumpThread thread{sample, "", sample.native_id, {}};
    for (const PythonThread& name : named) {
      if (name.python_id != sample.python_id) continue;
      if (name.native_id == sample.native_id || (name.is_main && sample.is_main)) {
        thread.name = name.name;
      }
    }
    const auto task =
        std::find_if(core->threads().begin(), core->threads().end(),
                     [&](const CoreThread& each) { return each.tid == sample.native_id; });
    if (task != core->threads().end() && task->in_system_call) {
      if (!*task->in_system_call) thread.sample.state |= kOnCpu;
      if (sample.gil_queue != 0 && task->futex - sample.gil_queue < kGilQueue) {
        thread.sample.state |= kWaitsForGil;
      }
    }
    thread.sample.state &= dump.known_states;
    if (dump.threads.size() < picture.threads().size()) {
      thread.frames = picture.threads()[dump.threads.size()];
    }
    dump.threads.push_back(std::move(thread));
  }
  Keep(picture, &dump);
  tables.TakeNew(&dump.rows);
  return dump;
}

}  // namespace pyprof
