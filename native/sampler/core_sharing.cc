#include "sampler/core_sharing.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "sampler/process_stat.h"

namespace pyprof {
namespace {

/// Threads whose files are kept open.
constexpr size_t kMaxOpen = 128;
/// Looks at a thread for one sample: it may move to another processor, or be about to sleep.
constexpr int kMaxLooks = 3;
/// A slice shorter than the usual one of some milliseconds (sched_setattr(2), since Linux 6.12):
/// the shorter the slice, the earlier its deadline, the sooner the wake-up. Long enough for the
/// longest read, so that the target is not given the core in the middle of it.
constexpr uint64_t kSlice = 1'000'000;

/// struct sched_attr, version 0; libc has no declaration of it everywhere.
struct SchedulerAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

}  // namespace

ThreadFacts::ThreadFacts(pid_t pid, uint64_t tid)
    : stat_(OpenTaskFile(pid, tid, "stat")),
      schedstat_(OpenTaskFile(pid, tid, "schedstat")),
      syscall_(OpenTaskFile(pid, tid, "syscall")) {}

ThreadFacts::~ThreadFacts() {
  if (stat_ >= 0) close(stat_);
  if (schedstat_ >= 0) close(schedstat_);
  if (syscall_ >= 0) close(syscall_);
}

bool ThreadFacts::RunCount(uint64_t* count, uint64_t* run_time) const {
  // Time on a processor, time waiting for one, runs.
  char text[96];
  const ssize_t got = schedstat_ < 0 ? -1 : pread(schedstat_, text, sizeof(text) - 1, 0);
  if (got <= 0) return false;
  text[got] = '\0';
  const char* last = strrchr(text, ' ');
  if (last == nullptr) return false;
  *count = strtoull(last, nullptr, 10);
  *run_time = strtoull(text, nullptr, 10);
  return *count > 0;
}

bool ThreadFacts::Place(int* processor, bool* runnable) const {
  char text[1024];
  const ssize_t got = stat_ < 0 ? -1 : pread(stat_, text, sizeof(text) - 1, 0);
  if (got <= 0) return false;
  text[got] = '\0';
  const std::string_view fields = AfterName({text, static_cast<size_t>(got)});
  if (fields.empty()) return false;
  *runnable = fields.front() == 'R';
  // One pass: it is done while the target waits.
  const char* at = fields.data();
  for (int field = 3; field < 39; ++at) {
    if (*at == '\0') return false;
    field += *at == ' ';
  }
  *processor = atoi(at);
  return true;
}

std::optional<bool> ThreadFacts::Asleep() const {
  char text[sizeof("running")];
  const ssize_t got = syscall_ < 0 ? -1 : pread(syscall_, text, sizeof(text) - 1, 0);
  if (got <= 0) return std::nullopt;
  return !std::string_view(text, static_cast<size_t>(got)).starts_with("running");
}

CoreSharing::CoreSharing(pid_t pid) : pid_(pid) {
  CPU_ZERO(&allowed_);
  sched_getaffinity(0, sizeof(allowed_), &allowed_);
  uint64_t count = 0;
  int processor = 0;
  bool runnable = false;
  const ThreadFacts self(getpid(), static_cast<uint64_t>(syscall(SYS_gettid)));
  uint64_t run_time = 0;
  available_ = self.RunCount(&count, &run_time) && self.Place(&processor, &runnable);
}

ThreadFacts* CoreSharing::Facts(uint64_t tid) {
  if (facts_.size() > kMaxOpen) {
    facts_.clear();
    watched_ = nullptr;
    began_ = false;
  }
  auto& facts = facts_[tid];
  if (facts == nullptr) facts = std::make_unique<ThreadFacts>(pid_, tid);
  return facts.get();
}

bool CoreSharing::RunOn(int processor) {
  if (processor == processor_) return true;
  if (!PinTo(0, processor)) return false;
  processor_ = processor;
  return true;
}

bool CoreSharing::Follow(uint64_t tid) {
  int processor = 0;
  bool runnable = false;
  if (!Facts(tid)->Place(&processor, &runnable)) return true;  // gone: Begin will tell
  return RunOn(processor);
}

void CoreSharing::Leave() {
  if (processor_ < 0) return;
  sched_setaffinity(0, sizeof(allowed_), &allowed_);
  processor_ = -1;
}

bool CoreSharing::Hold(int processor) {
  if (hold_ == nullptr) hold_ = std::make_unique<CoreHold>();
  return hold_->Take(processor);
}

/// Whether the thread of Begin, which belongs to this processor, surely does not run: it is this
/// thread's or held.
bool CoreSharing::IsHeld(int processor) {
  if (processor == processor_) return true;
  // The time of a thread that was still running at the look at it was not up to date.
  uint64_t count = 0;
  return hold_ != nullptr && hold_->Has(processor) && watched_->RunCount(&count, &began_at_) &&
         count == count_ && hold_->Has(processor);
}

void CoreSharing::HoldBoth() {
  if (elsewhere_ >= 0 && elsewhere_ != processor_) Hold(elsewhere_);
}

bool CoreSharing::Begin(uint64_t tid) {
  watched_ = Facts(tid);
  began_ = false;
  runnable_ = false;
  for (int look = 0; look < kMaxLooks; ++look) {
    int processor = 0;
    bool runnable = false;
    // The count first: a thread that does not run at the second look and was not put on a
    // processor since the first one cannot have run from the second look on either.
    if (!watched_->RunCount(&count_, &began_at_) || !watched_->Place(&processor, &runnable)) {
      return false;
    }
    run_time_ = began_at_;
    runnable_ = runnable;
    place_ = processor;
    began_ = runnable ? IsHeld(processor) : watched_->Asleep().value_or(true);
    if (began_) return true;
    // What is about to sleep is looked at again.
    if (!runnable) continue;
    elsewhere_ = processor;
    if (!Hold(processor) && !RunOn(processor)) return false;
  }
  return false;
}

bool CoreSharing::StoodStill() {
  uint64_t count = 0;
  // One that lost its processor when it was about to sleep, and was woken before it had it back,
  // has a run that is not counted (sched_info_depart, sched_info_arrive; kernel/sched/stats.h). Its
  // time tells, which is brought up to date whenever it loses a processor.
  return began_ && watched_->RunCount(&count, &run_time_) && count == count_ &&
         run_time_ == began_at_;
}

void CoreSharing::End(uint64_t next) {
  if (hold_ != nullptr) hold_->Release(next);
  if (place_ != processor_) {
    elsewhere_ = place_ == last_place_ ? processor_ : place_;
    if (place_ == last_place_) RunOn(place_);
  }
  last_place_ = place_;
}

CoreSharing::Held CoreSharing::held() const {
  return hold_ == nullptr ? Held{} : Held{hold_->takes(), hold_->CpuTime()};
}

bool PinTo(pid_t thread, int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(thread, sizeof(set), &set) == 0;
}

void AskForPromptWakeups() {
  SchedulerAttributes attributes{};
  attributes.size = sizeof(attributes);
  attributes.runtime = kSlice;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

std::vector<int> ReachableProcessors() {
  cpu_set_t before;
  cpu_set_t widest;
  if (sched_getaffinity(0, sizeof(before), &before) != 0) return {};
  std::memset(&widest, 0xff, sizeof(widest));
  if (sched_setaffinity(0, sizeof(widest), &widest) != 0) return {};
  const bool known = sched_getaffinity(0, sizeof(widest), &widest) == 0;
  sched_setaffinity(0, sizeof(before), &before);
  std::vector<int> processors;
  for (int processor = 0; known && processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &widest)) processors.push_back(processor);
  }
  return processors;
}

}  // namespace pyprof
