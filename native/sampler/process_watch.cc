#include "sampler/process_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "sampler/file_room.h"
#include "sampler/process_stat.h"

namespace pyprof {
namespace {

/// The descriptor, or -1 when there is no room to keep it.
int Kept(int fd) {
  if (!IsAmongTheLast(fd)) return fd;
  close(fd);
  return -1;
}

}  // namespace

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), pidfd_(Kept(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)))) {}

ProcessWatch::~ProcessWatch() {
  if (pidfd_ >= 0) close(pidfd_);
  if (memory_ >= 0) close(memory_);
}

bool ProcessWatch::Exited() const {
  if (pidfd_ < 0) {
    if (kill(pid_, 0) != 0 && errno == ESRCH) return true;
    const auto stat = ReadProcessStat(pid_);
    return stat && stat->Ended();
  }
  pollfd wait{pidfd_, POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}

void ProcessWatch::BindMemory() {
  if (memory_ >= 0) close(memory_);
  memory_ = Kept(open(("/proc/" + std::to_string(pid_) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
}

bool ProcessWatch::SameMemory() const {
  if (memory_ < 0) return true;
  // Address 0 is never mapped: EIO from a living address space, end of file from a dead one.
  char byte = 0;
  return pread(memory_, &byte, 1, 0) != 0;
}

}  // namespace pyprof
