#include "sampler/stopper.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "runtime/maps.h"
#include "sampler/process_stat.h"

namespace pyprof {
namespace {

constexpr char kStop = 's';
constexpr char kLetGo = 'g';

/// The tracer's side: which threads are stopped, and the signal that each was about to take.
class Tracer {
 public:
  explicit Tracer(pid_t pid) : tasks_path_("/proc/" + std::to_string(pid) + "/task") {}

  int Stop() {
    int error = 0;
    // All are interrupted before any is waited for: those that wait for the GIL must not be found
    // more often because its holder was stopped first. A thread that still runs may start another
    // one: until a pass finds nobody new.
    for (bool more = true; more && error == 0;) {
      more = false;
      const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(tasks_path_.c_str()), closedir);
      if (dir == nullptr) break;
      while (const dirent* entry = readdir(dir.get())) {
        const pid_t tid = atoi(entry->d_name);
        const auto known = [tid](const Task& task) { return task.tid == tid; };
        if (tid == 0 || std::any_of(tasks_.begin(), tasks_.end(), known)) continue;
        more = true;
        if ((error = Interrupt(tid)) != 0) break;
      }
      for (Task& task : tasks_) Await(&task);
    }
    std::erase_if(tasks_, [](const Task& task) { return task.ended; });
    if (tasks_.empty() && error == 0) error = ESRCH;
    if (error != 0) LetGo();
    return error;
  }

  void LetGo() {
    for (const Task& task : tasks_) {
      ptrace(PTRACE_DETACH, task.tid, nullptr, static_cast<long>(task.signal));
    }
    tasks_.clear();
  }

 private:
  struct Task {
    pid_t tid;
    int signal = 0;
    bool waited = false;
    bool ended = false;
  };

  int Interrupt(pid_t tid) {
    if (ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
      const int error = errno;
      // One that has ended and that nobody waited for may not be traced either.
      if (error != ESRCH && !HasEnded(tid)) return error;
      tasks_.push_back({tid, 0, true, true});
      return 0;
    }
    tasks_.push_back({tid});
    ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    return 0;
  }

  bool HasEnded(pid_t tid) const {
    std::string stat;
    if (!ReadSmallFile(tasks_path_ + "/" + std::to_string(tid) + "/stat", &stat)) return true;
    const std::string_view fields = AfterName(stat);
    return fields.starts_with('Z') || fields.starts_with('X');
  }

  static void Await(Task* task) {
    if (task->waited) return;
    task->waited = true;
    int status = 0;
    while (waitpid(task->tid, &status, __WALL) < 0) {
      if (errno == EINTR) continue;
      task->ended = true;
      return;
    }
    if (!WIFSTOPPED(status)) {
      task->ended = true;
    } else if (status >> 16 != PTRACE_EVENT_STOP) {
      // Stopped on the way to a signal: that is delivered when it is let go.
      task->signal = WSTOPSIG(status);
    }
  }

  std::string tasks_path_;
  std::vector<Task> tasks_;
};

/// Body of the forked process; ends when the pipe of requests does.
[[noreturn]] void Trace(pid_t target, int requests, int answers) {
  prctl(PR_SET_NAME, "pyprof-tracer");
  // No signal meant for the profiler ends it before it has let everybody go.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  // Nothing of the profiler's is kept open, least of all pipes to others.
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  const int low = std::min(requests, answers);
  const int high = std::max(requests, answers);
  if (low > 3) syscall(SYS_close_range, 3, low - 1, 0);
  if (high > low + 1) syscall(SYS_close_range, low + 1, high - 1, 0);
  syscall(SYS_close_range, high + 1, ~0U, 0);

  Tracer tracer(target);
  char request = 0;
  while (read(requests, &request, 1) == 1) {
    int result = 0;
    if (request == kStop) {
      result = tracer.Stop();
    } else {
      tracer.LetGo();
    }
    if (write(answers, &result, sizeof(result)) != sizeof(result)) break;
  }
  tracer.LetGo();
  _exit(0);
}

}  // namespace

Stopper::Stopper(pid_t target) {
  int requests[2];
  int answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0) return;
  if (pipe2(answers, O_CLOEXEC) != 0) {
    close(requests[0]);
    close(requests[1]);
    return;
  }
  tracer_ = fork();
  if (tracer_ == 0) {
    close(requests[1]);
    close(answers[0]);
    Trace(target, requests[0], answers[1]);
  }
  close(requests[0]);
  close(answers[1]);
  requests_ = requests[1];
  answers_ = answers[0];
}

Stopper::~Stopper() {
  if (requests_ >= 0) close(requests_);
  if (answers_ >= 0) close(answers_);
  if (tracer_ > 0) waitpid(tracer_, nullptr, 0);
}

int Stopper::Ask(char request) {
  int result = 0;
  if (tracer_ < 0) return EAGAIN;
  if (write(requests_, &request, 1) != 1) return errno;
  ssize_t got = 0;
  do {
    got = read(answers_, &result, sizeof(result));
  } while (got < 0 && errno == EINTR);
  return got == sizeof(result) ? result : EPIPE;
}

int Stopper::Stop() { return Ask(kStop); }

void Stopper::LetGo() { Ask(kLetGo); }

}  // namespace pyprof
