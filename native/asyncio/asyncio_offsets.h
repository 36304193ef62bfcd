#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/remote_memory.h"
#include "runtime/find_runtime.h"
#include "runtime/layout.h"

namespace pyprof {

/// Offsets and sizes, in bytes, that CPython's module _asyncio publishes from 3.14 on
/// (Py_AsyncioModuleDebugOffsets in Modules/_asynciomodule.c), after validation.
struct AsyncioOffsets {
  struct {
    uint64_t size, name, awaited_by, is_task, awaited_by_is_set, coro, node;
  } task{};
  struct {
    uint64_t size, tasks_head;
  } interpreter{};
  struct {
    uint64_t size, running_loop, running_task, tasks_head;
  } thread{};
};

/// Bytes of the published table: words of 8 bytes, in the order of AsyncioOffsets.
inline constexpr size_t kAsyncioTableSize = 13 * 8;

/// Turns the table into offsets; nothing when it does not hold together, or does not belong to the
/// interpreter with this layout.
std::optional<AsyncioOffsets> ParseAsyncioOffsets(std::span<const std::byte> table,
                                                  const Layout& layout);

/// Looks for the table in the memory of one process: in the section `.AsyncioDebug` of the file
/// that holds the runtime, or of a mapped `_asyncio*.so`, which is there only once the program has
/// imported asyncio.
class AsyncioFinder {
 public:
  AsyncioFinder(pid_t pid, RemoteMemory* memory, const Runtime& runtime)
      : pid_(pid),
        memory_(memory),
        runtime_(runtime),
        open_([pid](const Mapping& mapping) { return OpenMappedFile(pid, mapping); }) {}

  /// In what is no live process: a core file.
  AsyncioFinder(RemoteMemory* memory, const Runtime& runtime, FileOpener open)
      : pid_(0), memory_(memory), runtime_(runtime), open_(std::move(open)) {}

  /// May be called again and again: files are looked into once.
  std::optional<AsyncioOffsets> Find();
  /// Among these mappings.
  std::optional<AsyncioOffsets> FindAmong(const std::vector<Mapping>& mappings);
  const Runtime& runtime() const { return runtime_; }

 private:
  pid_t pid_;
  RemoteMemory* memory_;
  const Runtime runtime_;
  const FileOpener open_;
  std::set<std::pair<std::string, uint64_t>> without_table_;  // device, inode
};

}  // namespace pyprof
