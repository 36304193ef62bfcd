#include "asyncio/asyncio_offsets.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "memory/load.h"
#include "runtime/elf.h"
#include "runtime/maps.h"

namespace pyprof {
namespace {

/// Above what a task or a thread state takes.
constexpr uint64_t kMaxTaskSize = 4096;
constexpr uint64_t kMaxThreadSize = 64 << 10;
/// struct llist_node: next, prev.
constexpr uint64_t kNodeSize = 16;

bool Fits(uint64_t offset, uint64_t width, uint64_t size) {
  return offset % std::min<uint64_t>(width, 8) == 0 && offset <= size && size - offset >= width;
}

bool IsAsyncioFile(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("_asyncio");
}

}  // namespace

std::optional<AsyncioOffsets> ParseAsyncioOffsets(std::span<const std::byte> table,
                                                  const Layout& layout) {
  if (table.size() < kAsyncioTableSize) return std::nullopt;
  AsyncioOffsets out;
  const std::byte* at = table.data();
  for (uint64_t* field :
       {&out.task.size, &out.task.name, &out.task.awaited_by, &out.task.is_task,
        &out.task.awaited_by_is_set, &out.task.coro, &out.task.node, &out.interpreter.size,
        &out.interpreter.tasks_head, &out.thread.size, &out.thread.running_loop,
        &out.thread.running_task, &out.thread.tasks_head}) {
    *field = Load<uint64_t>(at);
    at += 8;
  }
  const auto& t = out.task;
  const bool sound = t.size >= layout.object.size && t.size <= kMaxTaskSize &&
                     Fits(t.name, 8, t.size) && Fits(t.awaited_by, 8, t.size) &&
                     Fits(t.is_task, 1, t.size) && Fits(t.awaited_by_is_set, 1, t.size) &&
                     Fits(t.coro, 8, t.size) && Fits(t.node, kNodeSize, t.size) &&
                     out.interpreter.size == layout.interpreter.size &&
                     Fits(out.interpreter.tasks_head, kNodeSize, out.interpreter.size) &&
                     out.thread.size >= layout.thread.size && out.thread.size <= kMaxThreadSize &&
                     Fits(out.thread.running_loop, 8, out.thread.size) &&
                     Fits(out.thread.running_task, 8, out.thread.size) &&
                     Fits(out.thread.tasks_head, kNodeSize, out.thread.size);
  if (!sound) return std::nullopt;
  return out;
}

std::optional<AsyncioOffsets> AsyncioFinder::Find() {
  std::string text;
  if (!ReadSmallFile("/proc/" + std::to_string(pid_) + "/maps", &text)) return std::nullopt;
  return FindAmong(ParseMaps(text));
}

std::optional<AsyncioOffsets> AsyncioFinder::FindAmong(const std::vector<Mapping>& mappings) {
  const auto home = std::find_if(mappings.begin(), mappings.end(), [this](const Mapping& mapping) {
    return mapping.start <= runtime_.address && runtime_.address < mapping.end;
  });
  for (const Mapping& mapping : mappings) {
    if (mapping.inode == 0 || mapping.path.empty() || mapping.path.front() != '/') continue;
    const bool is_home =
        home != mappings.end() && mapping.inode == home->inode && mapping.device == home->device;
    if (!is_home && !IsAsyncioFile(mapping.path)) continue;
    std::pair<std::string, uint64_t> id{mapping.device, mapping.inode};
    if (without_table_.contains(id)) continue;
    const int fd = open_(mapping);
    if (fd < 0) continue;
    FileSource source(fd);
    const auto elf = Elf::Open(&source);
    const auto section = elf ? elf->FindSection(".AsyncioDebug") : std::nullopt;
    if (!section || section->size < kAsyncioTableSize) {
      without_table_.insert(std::move(id));
      continue;
    }
    for (const uint64_t bias : elf->LoadBiases(mapping.start, mapping.offset)) {
      std::array<std::byte, kAsyncioTableSize> table{};
      if (!memory_->Read(bias + section->address, table.data(), table.size())) continue;
      if (auto offsets = ParseAsyncioOffsets(table, runtime_.layout)) return offsets;
    }
  }
  return std::nullopt;
}

}  // namespace pyprof
