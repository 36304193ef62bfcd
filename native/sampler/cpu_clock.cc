#include "sampler/cpu_clock.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "runtime/maps.h"
#include "sampler/file_room.h"
#include "sampler/process_stat.h"

namespace pyprof {
namespace {

/// Rounds of looks after which the files of a thread that is no more are closed.
constexpr uint64_t kSweepGap = 256;
/// Descriptors that are left to the rest of the program.
constexpr size_t kSpareFiles = 256;
constexpr size_t kFilesPerTask = 2;

/// The words of the GIL in which its waiters sleep: `cond` and `mutex` of struct _gil_runtime_state
/// (Include/internal/pycore_gil.h).
constexpr uint64_t kGilQueue = sizeof(pthread_cond_t) + sizeof(pthread_mutex_t);

/// The beginning of a file of /proc, at most `size` bytes; empty when it cannot be read.
std::string_view Content(int fd, char* buffer, size_t size) {
  const ssize_t got = fd < 0 ? -1 : pread(fd, buffer, size, 0);
  return got <= 0 ? std::string_view() : std::string_view(buffer, static_cast<size_t>(got));
}

bool Readable(pid_t pid, uint64_t tid, const char* name) {
  char text[256];
  const int fd = OpenTaskFile(pid, tid, name);
  const bool readable = !Content(fd, text, sizeof(text)).empty();
  if (fd >= 0) close(fd);
  return readable;
}

/// How many threads' files may be open.
size_t MostOpen() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto files = static_cast<size_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 16));
  return files > kSpareFiles ? (files - kSpareFiles) / kFilesPerTask / 2 : 0;
}

/// Time on a processor in ns and number of times put on one, from `schedstat`.
bool ParseSchedstat(std::string_view text, uint64_t* run_time, uint64_t* runs) {
  const char* end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, *run_time);
  const size_t last = text.rfind(' ');
  if (time.ec != std::errc() || last == std::string_view::npos) return false;
  return std::from_chars(text.data() + last + 1, end, *runs).ec == std::errc() && *runs > 0;
}

/// Whether `stat` says that the thread is runnable.
bool RunsByStat(std::string_view text) { return AfterName(text).starts_with('R'); }

}  // namespace

TaskPlace ParseSyscall(std::string_view text) {
  if (text.starts_with("running")) return {true, 0};
  int64_t number = -1;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || number != SYS_futex) return {false, 0};
  constexpr std::string_view kArgument = " 0x";
  if (!std::string_view(parsed.ptr, end).starts_with(kArgument)) return {false, 0};
  uint64_t address = 0;
  std::from_chars(parsed.ptr + kArgument.size(), end, address, 16);
  return {false, address};
}

TaskFiles::TaskFiles() : most(MostOpen()) {}

struct CpuClock::Task {
  explicit Task(TaskFiles* of) : files(of) {}
  ~Task() { Close(); }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  void Close() {
    if (schedstat >= 0) close(schedstat);
    if (place >= 0) close(place);
    schedstat = -1;
    place = -1;
    if (is_open) --files->open;
    is_open = false;
    is_lent = false;
  }

  TaskFiles* const files;
  int schedstat = -1;
  int place = -1;
  bool is_open = false;
  /// Its descriptors are to be given back after each look.
  bool is_lent = false;
  bool looked = false;
  bool measured = false;
  bool has_base = false;
  bool paused = false;
  uint8_t state = 0;
  uint64_t runs = 0;
  uint64_t run_time = 0;
  uint64_t base = 0;
  uint64_t paused_at = 0;  // run time
  uint64_t native_id = 0;
  int32_t stack = kNoStack;
  uint64_t seen = 0;       // the round of its last sample
  uint64_t looked_in = 0;  // the round of its last look
};

CpuClock::CpuClock(pid_t pid, TaskIds* ids, std::shared_ptr<TaskFiles> files)
    : pid_(pid), ids_(ids), files_(std::move(files)) {
  Ask();
}

CpuClock::~CpuClock() = default;

/// Looks which files the kernel has, and lets us read.
void CpuClock::Ask() {
  const auto first = static_cast<uint64_t>(pid_);
  has_syscall_ = Readable(pid_, first, "syscall");
  has_state_ = has_syscall_ || Readable(pid_, first, "stat");
}

void CpuClock::Detach() { tasks_.clear(); }

void CpuClock::Attach() {
  Detach();
  Ask();
  next_lively_ = 0;
  next_quiet_ = 0;
  std::string maps;
  has_futex_ = false;
  if (!ReadSmallFile("/proc/" + std::to_string(pid_) + "/maps", &maps)) return;
  for (const std::string_view name : {"/libc.so.6", "/ld-linux"}) {
    has_futex_ = has_futex_ || maps.find(name) != std::string::npos;
  }
}

uint8_t CpuClock::known() const {
  uint8_t known = 0;
  if (has_state_) known |= kOnCpu;
  if (has_syscall_ && has_futex_) known |= kWaitsForGil;
  return known;
}

CpuClock::Task* CpuClock::TaskOf(const ThreadSample& sample) {
  if (sample.serial >= tasks_.size()) tasks_.resize(sample.serial + 1);
  std::shared_ptr<Task>& task = tasks_[sample.serial];
  if (task == nullptr) {
    const auto same = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& other) {
      return other != nullptr && other->native_id == sample.native_id && other->seen + 1 >= round_;
    });
    task = same != tasks_.end() ? *same : std::make_shared<Task>(files_.get());
  }
  task->native_id = sample.native_id;
  task->seen = round_;
  return task.get();
}

bool CpuClock::Open(Task* task, uint64_t native_id) {
  const uint64_t tid = ids_->Outer(native_id);
  if (tid == 0) return false;
  task->schedstat = OpenTaskFile(pid_, tid, "schedstat");
  task->place = OpenTaskFile(pid_, tid, has_syscall_ ? "syscall" : "stat");
  if (task->place < 0) {
    ids_->Forget(native_id);
    task->Close();
    return false;
  }
  task->is_open = true;
  task->is_lent = IsAmongTheLast(std::max(task->schedstat, task->place));
  ++task->files->open;
  return true;
}

void CpuClock::LookAt(Task* task, const ThreadSample& sample) {
  task->stack = sample.stack;
  task->looked_in = round_;
  if (!task->is_open) {
    if (files_->open >= files_->most) Sweep();
    if (!Open(task, sample.native_id)) return;
  }
  char text[512];
  uint64_t run_time = 0;
  uint64_t runs = 0;
  const bool counted =
      ParseSchedstat(Content(task->schedstat, text, sizeof(text)), &run_time, &runs);
  ++reads_;
  if (counted) {
    task->run_time = run_time;
    task->measured = true;
  }
  // A thread that slept and was not put on a processor since still sleeps in the same place.
  const bool sleeps_on =
      counted && task->looked && (task->state & kOnCpu) == 0 && runs == task->runs;
  task->runs = runs;
  if (!sleeps_on) {
    const std::string_view place = Content(task->place, text, sizeof(text));
    ++reads_;
    if (place.empty()) {  // the thread is gone; its id may be another's soon
      task->Close();
      ids_->Forget(sample.native_id);
      task->state = 0;
      return;
    }
    const TaskPlace found = has_syscall_ ? ParseSyscall(place) : TaskPlace{RunsByStat(place), 0};
    task->state = found.runs ? kOnCpu : 0;
    // Wraps to a large number below the queue.
    if (sample.gil_queue != 0 && has_futex_ && found.futex - sample.gil_queue < kGilQueue) {
      task->state |= kWaitsForGil;
    }
  }
  task->looked = true;
  if (files_->open > files_->most || task->is_lent) task->Close();
}

/// Closes the files of threads that no sample has shown for some time.
void CpuClock::Sweep() {
  for (std::shared_ptr<Task>& task : tasks_) {
    if (task == nullptr || task->seen + kSweepGap > round_) continue;
    task.reset();
  }
}

void CpuClock::Look(std::span<const ThreadSample> samples, Most most) {
  if (!has_state_ || samples.empty()) return;
  if (round_ % kSweepGap == 0) Sweep();
  const size_t count = samples.size();
  Most done{0, 0};
  for (size_t i = 0; i < count && done.lively < most.lively; ++i) {
    const size_t at = (next_lively_ + i) % count;
    const ThreadSample& sample = samples[at];
    Task* task = TaskOf(sample);
    if (task->looked_in == round_ || !IsLively(*task, sample)) continue;
    LookAt(task, sample);
    if (++done.lively == most.lively) next_lively_ = at + 1;
  }
  for (size_t i = 0; i < count && done.quiet < most.quiet; ++i) {
    const size_t at = (next_quiet_ + i) % count;
    Task* task = TaskOf(samples[at]);
    if (task->looked_in == round_ || IsLively(*task, samples[at])) continue;
    LookAt(task, samples[at]);
    if (++done.quiet == most.quiet) next_quiet_ = at + 1;
  }
  looks_.lively += done.lively;
  looks_.quiet += done.quiet;
  ++round_;
}

bool CpuClock::IsLively(const Task& task, const ThreadSample& sample) {
  return !task.looked || (task.state & kOnCpu) != 0 || (sample.state & kHoldsGil) != 0 ||
         sample.stack != task.stack;
}

void CpuClock::NoteRunning(const ThreadSample& sample, uint64_t runs, uint64_t run_time) {
  Task* task = TaskOf(sample);
  task->stack = sample.stack;
  task->state = kOnCpu;
  task->runs = runs;
  task->run_time = run_time;
  task->measured = true;
  task->looked = true;
  task->looked_in = round_;
}

CpuClock::Activity CpuClock::Take(const ThreadSample& sample) {
  const bool known = sample.serial < tasks_.size() && tasks_[sample.serial] != nullptr;
  if (!known) return {0, kNoCpu};
  Task& task = *tasks_[sample.serial];
  double cpu = kNoCpu;
  if (task.measured) {
    if (task.has_base && task.run_time >= task.base) {
      cpu = static_cast<double>(task.run_time - task.base);
    }
    task.base = task.run_time;
    task.has_base = true;
    task.measured = false;
  }
  return {task.state, cpu};
}

void CpuClock::Pause() {
  for (const std::shared_ptr<Task>& task : tasks_) {
    if (task == nullptr || task->paused) continue;
    task->paused = ReadRunTime(*task, &task->paused_at);
    if (!task->paused) task->has_base = false;
  }
}

void CpuClock::Resume() {
  for (const std::shared_ptr<Task>& task : tasks_) {
    // A thread may have several serials.
    if (task == nullptr || !task->paused) continue;
    task->paused = false;
    uint64_t run_time = 0;
    task->has_base = task->has_base && ReadRunTime(*task, &run_time) && run_time >= task->paused_at;
    if (task->has_base) task->base += run_time - task->paused_at;
  }
}

/// The thread's CPU time now. False when it cannot be read.
bool CpuClock::ReadRunTime(const Task& task, uint64_t* run_time) {
  char text[512];
  uint64_t runs = 0;
  ++reads_;
  return ParseSchedstat(Content(task.schedstat, text, sizeof(text)), run_time, &runs);
}

}  // namespace pyprof
