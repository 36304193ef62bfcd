#include "test/fake/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pyprof::test {
namespace {

constexpr int kReadyTimeout = 20'000;  // ms

bool MapFile(const FakeProcess::MappedFile& file) {
  const int fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  void* at = mmap(reinterpret_cast<void*>(file.address), file.size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, static_cast<off_t>(file.offset));
  close(fd);
  return at == reinterpret_cast<void*>(file.address);
}

bool FillPage(const FakeMemory& memory, uint64_t page) {
  void* at = mmap(reinterpret_cast<void*>(page), FakeMemory::kPage, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  // What a file gave is written over.
  if (at == MAP_FAILED && errno != EEXIST) return false;
  memory.Peek(page, reinterpret_cast<void*>(page), FakeMemory::kPage);
  return true;
}

}  // namespace

FakeProcess::FakeProcess(const FakeMemory& memory, const std::vector<MappedFile>& files,
                         const std::function<void()>& body) {
  Start([&](int ready) {
    for (const MappedFile& file : files) {
      if (!MapFile(file)) return 1;
    }
    for (const uint64_t page : memory.Pages()) {
      if (!FillPage(memory, page)) return 1;
    }
    if (write(ready, "", 1) != 1) return 1;
    body();
    while (true) pause();
  });
}

FakeProcess::FakeProcess(const std::function<int()>& body) {
  Start([&](int ready) { return write(ready, "", 1) == 1 ? body() : 1; });
}

void FakeProcess::Start(const std::function<int(int)>& body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(body(ends[1]));
  }
  close(ends[1]);
  pollfd wait{ends[0], POLLIN, 0};
  char byte = 0;
  ready_ = poll(&wait, 1, kReadyTimeout) == 1 && read(ends[0], &byte, 1) == 1;
  close(ends[0]);
}

FakeProcess::~FakeProcess() {
  Kill();
  Reap();
}

void FakeProcess::Kill() {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

int FakeProcess::Reap() {
  int status = 0;
  if (pid_ > 0) {
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  return status;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "pyprof-test-XXXXXX";
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Write(const std::string& name, const std::string& content) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace pyprof::test
