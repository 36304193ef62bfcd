#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
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

/// Device, inode and path of a mapped file, and when it was last changed (st_ctim, ns; 0 where its
/// path does not lead to it). The path is there because the device of a btrfs subvolume does not
/// tell it from its neighbours, whose files may have the same inodes; the time, because a program
/// that is built anew may have the path and the inode of the old one.
using FileId = std::tuple<std::string, uint64_t, std::string, int64_t>;

/// A file without a section for the runtime.
struct KnownFile {
  /// What Python it is, if it is one at all.
  AttachResult named;
  /// It has no section headers, so it may hold a runtime all the same.
  bool must_scan = false;
};

/// Finders that share it look at a file once, however many processes map it.
using KnownFiles = std::map<FileId, KnownFile>;

/// The detail of kNotPython when memory would have had to be searched to be sure.
inline constexpr const char* kNotSearched = "memory not searched";

/// Whether the newest interpreter lets a debugger run a script in it (PEP 768); nothing where the
/// version does not publish it, or it cannot be read.
std::optional<bool> RemoteDebugging(const Runtime& runtime, RemoteMemory* memory);

/// Opens the file behind a mapping, also one that was deleted or lies in another mount namespace;
/// negative when it cannot be had, or is no regular file. The caller closes it.
int OpenMappedFile(pid_t pid, const Mapping& mapping);

/// The same, wherever the files of a target are.
using FileOpener = std::function<int(const Mapping&)>;

/// Looks for a CPython runtime in one process. Every mapped file with a `.PyRuntime` section is a
/// candidate, whatever its name; the one whose cookie, offsets and first interpreter are alive is
/// taken (a library can be mapped twice, one copy never initialised). Where no file can be opened
/// or none has the section, writable memory is scanned for the cookie.
class RuntimeFinder {
 public:
  RuntimeFinder(pid_t pid, RemoteMemory* memory,
                std::shared_ptr<KnownFiles> known = std::make_shared<KnownFiles>())
      : pid_(pid),
        memory_(memory),
        open_([pid](const Mapping& mapping) { return OpenMappedFile(pid, mapping); }),
        without_runtime_(std::move(known)) {}

  /// In what is no live process: a core file.
  RuntimeFinder(RemoteMemory* memory, FileOpener open)
      : pid_(0),
        memory_(memory),
        open_(std::move(open)),
        without_runtime_(std::make_shared<KnownFiles>()) {}

  /// Among these mappings, in ascending order.
  AttachResult FindAmong(const std::vector<Mapping>& mappings, bool search_memory = true);

  /// May be called again and again while a process starts: files without a runtime are remembered.
  /// Without `search_memory` only files are looked at, which costs a fraction of a millisecond.
  AttachResult Find(bool search_memory = true);

  /// Whether a live runtime stands where that of another process is. A process that was forked off
  /// is a copy of its parent, and need not be searched.
  bool IsSame(const Runtime& known);

 private:
  AttachResult Examine(uint64_t address, uint64_t size);
  bool IsLive(const Runtime& runtime);
  AttachResult FindByFiles(const std::vector<Mapping>& mappings);
  AttachResult FindByScan(const std::vector<Mapping>& mappings);
  void Remember(FileId id, KnownFile file);

  pid_t pid_;
  RemoteMemory* memory_;
  const FileOpener open_;
  std::shared_ptr<KnownFiles> without_runtime_;
  /// A mapped file could not be opened, or has no section headers.
  bool must_scan_ = false;
};

}  // namespace pyprof
