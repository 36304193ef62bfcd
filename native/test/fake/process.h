#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "test/fake/memory.h"

namespace pyprof::test {

/// A child process for tests of what asks the kernel. It lives until this object dies.
class FakeProcess {
 public:
  /// A piece of a file that the child maps, privately and writable, before its memory is filled.
  struct MappedFile {
    std::string path;
    uint64_t offset;
    uint64_t address;
    uint64_t size;
  };

  /// A child that has all of `memory` at its addresses, over what files give it, runs `body` and
  /// sleeps.
  explicit FakeProcess(
      const FakeMemory& memory, const std::vector<MappedFile>& files = {},
      const std::function<void()>& body = [] {});
  /// A child that runs `body`, then exits with its result.
  explicit FakeProcess(const std::function<int()>& body);
  ~FakeProcess();
  FakeProcess(const FakeProcess&) = delete;
  FakeProcess& operator=(const FakeProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// Whether the child got as far as its sleep.
  bool ready() const { return ready_; }
  /// Kills it; it stays a zombie until Reap.
  void Kill();
  /// Waits for its end; its status as of waitpid.
  int Reap();

 private:
  void Start(const std::function<int(int)>& body);

  pid_t pid_ = -1;
  bool ready_ = false;
};

/// A directory that is deleted with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  /// Path of a file in it with this content.
  std::string Write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

}  // namespace pyprof::test
