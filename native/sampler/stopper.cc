#include "sampler/stopper.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>

namespace pyprof {
namespace {

std::vector<pid_t> TasksOf(pid_t pid) {
  std::vector<pid_t> tasks;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(
      opendir(("/proc/" + std::to_string(pid) + "/task").c_str()), closedir);
  if (dir == nullptr) return tasks;
  while (const dirent* entry = readdir(dir.get())) {
    if (const pid_t tid = atoi(entry->d_name)) tasks.push_back(tid);
  }
  return tasks;
}

}  // namespace

Stopped::Stopped(pid_t pid) {
  // A thread that still runs may start another one: until a pass finds nobody new.
  for (bool more = true; more && error_ == 0;) {
    more = false;
    for (const pid_t tid : TasksOf(pid)) {
      if (std::any_of(tasks_.begin(), tasks_.end(),
                      [tid](const Task& t) { return t.tid == tid; })) {
        continue;
      }
      more = true;
      if (!Stop(tid)) break;
    }
  }
  if (tasks_.empty() && error_ == 0) error_ = ESRCH;
  if (error_ != 0) LetGo();
}

bool Stopped::Stop(pid_t tid) {
  if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
    if (errno == ESRCH) return true;  // it has just ended
    error_ = errno;
    return false;
  }
  tasks_.push_back({tid, 0});
  if (ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) return true;
  int status = 0;
  while (waitpid(tid, &status, __WALL) < 0) {
    if (errno != EINTR) return true;
  }
  if (!WIFSTOPPED(status)) {
    tasks_.pop_back();  // it ended instead
    return true;
  }
  // Stopped on the way to a signal handler: the signal is delivered when it is let go.
  if (status >> 16 != PTRACE_EVENT_STOP) tasks_.back().signal = WSTOPSIG(status);
  return true;
}

void Stopped::LetGo() {
  for (const Task& task : tasks_) {
    ptrace(PTRACE_DETACH, task.tid, nullptr, static_cast<long>(task.signal));
  }
  tasks_.clear();
}

Stopped::~Stopped() { LetGo(); }

}  // namespace pyprof
