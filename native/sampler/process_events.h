#pragma once

#include <sys/types.h>

#include <vector>

namespace pyprof {

/// The kernel's own news of starting and ending processes, by the proc connector
/// (include/uapi/linux/cn_proc.h). They come for the whole machine. Needs the initial pid,
/// user and network namespaces, and before Linux 6.6 CAP_NET_ADMIN. Threads and what else the
/// connector tells are left out in the kernel, by a socket filter.
class ProcessEvents {
 public:
  struct Event {
    bool is_fork;
    pid_t pid;
    /// Of a fork; else 0.
    pid_t parent;
  };

  ProcessEvents();
  ~ProcessEvents();
  ProcessEvents(const ProcessEvents&) = delete;
  ProcessEvents& operator=(const ProcessEvents&) = delete;

  /// Whether the kernel has agreed to tell.
  bool available() const { return available_; }

  /// Appends what has happened since the last call, in order. False when some of it was lost: the
  /// socket's buffer is bounded.
  bool Take(std::vector<Event>* out);

 private:
  bool Listen(bool on);
  bool Receive(std::vector<Event>* out, bool* acknowledged);

  int socket_ = -1;
  bool available_ = false;
};

}  // namespace pyprof
