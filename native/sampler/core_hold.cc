#include "sampler/core_hold.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory/clock.h"
#include "sampler/core_sharing.h"
#include "sampler/futex.h"

namespace pyprof {
namespace {

/// A processor that was not given after this time will not be given soon; an answer from one that
/// is held comes in less than a microsecond. ns.
constexpr uint64_t kGivenWithin = 150'000;
constexpr uint64_t kAnsweredWithin = 5'000;

}  // namespace

CoreHold::CoreHold() : thread_([this] { Run(); }) {
  while (tid_ == 0) sched_yield();
}

CoreHold::~CoreHold() {
  stop_ = true;
  ++turn_;
  FutexWake(&turn_);
  thread_.join();
}

uint64_t CoreHold::CpuTime() {
  clockid_t clock = 0;
  return pthread_getcpuclockid(thread_.native_handle(), &clock) == 0 ? Now(clock) : 0;
}

bool CoreHold::Take(int processor) {
  if (processor != processor_) {
    if (!PinTo(tid_, processor)) return false;
    processor_ = processor;
  }
  if (!IsWanted()) {
    ++turn_;
    FutexWake(&turn_);
  }
  if (Answers(kGivenWithin)) return true;
  // Whoever goes there instead is not to be kept waiting.
  Release();
  return false;
}

bool CoreHold::Has(int processor) {
  return IsWanted() && processor_ == processor && Answers(kAnsweredWithin);
}

void CoreHold::Release(uint64_t next) {
  if (!IsWanted()) return;
  alarm_ = next;
  ++turn_;
  FutexWake(&turn_);
}

bool CoreHold::Answers(uint64_t patience) {
  const uint64_t asked = ++asked_;
  const uint64_t end = Now() + patience;
  while (answered_ != asked) {
    if (Now() >= end) return false;
  }
  return true;
}

void CoreHold::Run() {
  pthread_setname_np(pthread_self(), "pyprof-hold");
  // As for the thread that it wakes up together with.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  AskForPromptWakeups();
  tid_ = static_cast<pid_t>(syscall(SYS_gettid));
  while (true) {
    const uint32_t turn = turn_;
    // After the turn, which changes after it.
    if (stop_) return;
    const uint64_t now = Now();
    const uint64_t alarm = alarm_;
    const bool rings = alarm != 0 && now >= alarm;
    if (rings) alarm_ = 0;
    if (rings || turn % 2 == 1) {
      while (turn_ == turn && Now() < now + kLongest) {
        const uint64_t asked = asked_;
        if (sched_getcpu() == processor_) answered_ = asked;
      }
    }
    FutexWait(&turn_, turn, turn % 2 == 1 ? 0 : alarm_.load());
  }
}

}  // namespace pyprof
