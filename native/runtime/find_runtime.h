#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "memory/remote_memory.h"
#include "runtime/layout.h"
#include "runtime/maps.h"

namespace pyprof {

/// Where a live interpreter's `_PyRuntime` is and how its structures are laid out.
struct Runtime {
  uint64_t address = 0;
  Layout layout;
};

enum class AttachStatus {
  kOk,
  kNoSuchProcess,
  kPermission,
  kNotPython,
  /// A Python that is not read here; the detail names it.
  kUnsupportedVersion,
  /// The published table does not hold together; the detail says where.
  kBadLayout,
  /// A supported Python that has no running interpreter yet, or none any more.
  kNotStarted,
  /// asyncio's tasks were asked for, and this version does not publish them.
  kNoTaskTable,
};

struct AttachResult {
  AttachStatus status = AttachStatus::kNotPython;
  Runtime runtime;
  std::string detail;
};

/// Opens the file behind a mapping, also one that was deleted or lies in another mount namespace;
/// -1 when it cannot be had. The caller closes it.
int OpenMappedFile(pid_t pid, const Mapping& mapping);

/// Looks for a CPython runtime in one process. Every mapped file with a `.PyRuntime` section is a
/// candidate, whatever its name; the one whose cookie, offsets and first interpreter are alive is
/// taken (a library can be mapped twice, one copy never initialised). Where no file can be opened
/// or none has the section, writable memory is scanned for the cookie.
class RuntimeFinder {
 public:
  RuntimeFinder(pid_t pid, RemoteMemory* memory) : pid_(pid), memory_(memory) {}

  /// May be called again and again while a process starts: files without a runtime are remembered.
  AttachResult Find();

 private:
  using FileId = std::pair<std::string, uint64_t>;  // device, inode

  AttachResult Examine(uint64_t address, uint64_t size);
  bool IsLive(const Runtime& runtime);
  AttachResult FindByFiles(const std::vector<Mapping>& mappings);
  AttachResult FindByScan(const std::vector<Mapping>& mappings);

  pid_t pid_;
  RemoteMemory* memory_;
  std::map<FileId, AttachResult> without_runtime_;
  /// A mapped file could not be opened, or has no section headers.
  bool must_scan_ = false;
};

}  // namespace pyprof
