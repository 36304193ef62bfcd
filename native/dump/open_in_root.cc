#include "dump/open_in_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pyprof {
namespace {

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

bool IsOwnRoot(int root) {
  struct stat ours{};
  struct stat theirs{};
  return stat("/", &ours) == 0 && fstat(root, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
         ours.st_ino == theirs.st_ino;
}

}  // namespace

int OpenInRoot(pid_t pid, const std::string& path) {
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos) return -1;
  const std::string root_path = "/proc/" + std::to_string(pid) + "/root";
  const int root = open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  // First without opening it for real: to open a device or a pipe could do something.
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  int place = static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how)));
  // Linux before 5.6, or a filter that does not know it: links of our own root lead where they say.
  if (place < 0 && (errno == ENOSYS || errno == EPERM) && IsOwnRoot(root)) {
    place = open(path.c_str(), O_PATH | O_CLOEXEC);
  }
  close(root);
  if (place < 0) return -1;
  struct stat status{};
  int file = -1;
  if (fstat(place, &status) == 0 && S_ISREG(status.st_mode)) {
    const std::string again = "/proc/self/fd/" + std::to_string(place);
    file = open(again.c_str(), kFlags);
  }
  close(place);
  return file;
}

}  // namespace pyprof
