#include "runtime/find_runtime.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "runtime/debug_offsets.h"
#include "runtime/elf.h"

namespace pyprof {
namespace {

/// Writable memory that is searched for the cookie when no file tells where the runtime is.
constexpr uint64_t kMaxScan = 512u << 20;
constexpr size_t kScanBlock = 1u << 20;
/// Far more than programs map; a target that makes files without end must not fill our memory.
constexpr size_t kMaxKnownFiles = 8192;

/// The better of two failures: the one that says more about what the process is.
int Rank(AttachStatus status) {
  switch (status) {
    case AttachStatus::kOk:
      return 5;
    case AttachStatus::kNotStarted:
    case AttachStatus::kNoTaskTable:
      return 4;
    case AttachStatus::kUnsupportedVersion:
      return 3;
    case AttachStatus::kBadLayout:
      return 2;
    case AttachStatus::kPermission:
    case AttachStatus::kNoSuchProcess:
      return 1;
    case AttachStatus::kNotPython:
      return 0;
  }
  return 0;
}

void KeepBetter(AttachResult* best, AttachResult next) {
  if (Rank(next.status) > Rank(best->status)) *best = std::move(next);
}

/// Names a Python that publishes no debug offsets: CPython before 3.13, or PyPy.
AttachResult NameOldPython(const Elf& elf, uint64_t bias, bool has_section, RemoteMemory* memory) {
  uint32_t version = 0;
  if (const auto symbol = elf.FindSymbol("Py_Version")) {  // 3.11 and later
    if (memory->ReadValue(bias + *symbol, &version) && version >> 24 == 3) {
      return {AttachStatus::kUnsupportedVersion, {}, VersionText(version)};
    }
  }
  if (elf.FindSymbol("pypy_main_startup") || elf.FindSymbol("rpython_startup_code")) {
    return {AttachStatus::kUnsupportedVersion, {}, "PyPy"};
  }
  if (has_section || elf.FindSymbol("_PyRuntime") || elf.FindSymbol("Py_BytesMain")) {
    return {AttachStatus::kUnsupportedVersion, {}, "3.12 or older"};
  }
  return {AttachStatus::kNotPython, {}, ""};
}

constexpr int kNoFile = -1;
constexpr int kNotRegular = -2;

/// Opens a regular file and nothing else: to open a device could do something.
int OpenRegular(const std::string& path, const uint64_t* inode) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return kNoFile;
  if (inode != nullptr && status.st_ino != *inode) return kNoFile;
  if (!S_ISREG(status.st_mode)) return kNotRegular;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return kNoFile;
  if (inode == nullptr || (fstat(fd, &status) == 0 && status.st_ino == *inode)) return fd;
  close(fd);
  return kNoFile;
}

FileId IdOf(pid_t pid, const Mapping& mapping) {
  struct stat status{};
  const std::string path = "/proc/" + std::to_string(pid) + "/root" + mapping.path;
  const bool is_it = stat(path.c_str(), &status) == 0 && status.st_ino == mapping.inode;
  const int64_t changed =
      is_it ? status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec : 0;
  return {mapping.device, mapping.inode, mapping.path, changed};
}

/// Whether two mappings are of one file; those of a file mostly follow each other.
bool SameFile(const Mapping& one, const Mapping& other) {
  return one.inode == other.inode && one.device == other.device && one.path == other.path;
}

}  // namespace

std::optional<bool> RemoteDebugging(const Runtime& runtime, RemoteMemory* memory) {
  const Layout& l = runtime.layout;
  if (l.debugger.remote_debugging_enabled == 0) return std::nullopt;
  uint64_t interpreter = 0;
  int32_t enabled = 0;  // PyInterpreterState.config.remote_debug, an int
  if (!memory->ReadValue(runtime.address + l.runtime.interpreters_head, &interpreter) ||
      !memory->ReadValue(interpreter + l.debugger.remote_debugging_enabled, &enabled)) {
    return std::nullopt;
  }
  return enabled == 1;
}

bool RuntimeFinder::IsLive(const Runtime& runtime) {
  const Layout& l = runtime.layout;
  uint64_t interpreter = 0;
  uint64_t thread = 0;
  uint64_t owner = 0;
  return memory_->ReadValue(runtime.address + l.runtime.interpreters_head, &interpreter) &&
         interpreter != 0 &&
         memory_->ReadValue(interpreter + l.interpreter.threads_head, &thread) && thread != 0 &&
         memory_->ReadValue(thread + l.thread.interp, &owner) && owner == interpreter;
}

bool RuntimeFinder::IsSame(const Runtime& known) {
  std::array<std::byte, kMaxDebugOffsetsSize> table{};
  if (!memory_->Read(known.address, table.data(), table.size())) return false;
  const OffsetsResult parsed = ParseDebugOffsets(table);
  return parsed.status == OffsetsStatus::kOk &&
         parsed.layout.version_hex == known.layout.version_hex && IsLive(known);
}

AttachResult RuntimeFinder::Examine(uint64_t address, uint64_t size) {
  std::array<std::byte, kMaxDebugOffsetsSize> table{};
  const size_t wanted = std::min<uint64_t>(size, table.size());
  if (!memory_->Read(address, table.data(), wanted)) return {AttachStatus::kNotPython, {}, ""};
  OffsetsResult parsed = ParseDebugOffsets(std::span(table).first(wanted));
  Runtime runtime{address, parsed.layout};
  switch (parsed.status) {
    case OffsetsStatus::kNoCookie:
      return {AttachStatus::kNotPython, {}, ""};
    case OffsetsStatus::kUnsupportedVersion:
      return {AttachStatus::kUnsupportedVersion, runtime, parsed.detail};
    case OffsetsStatus::kBadField:
      return {AttachStatus::kBadLayout, runtime, parsed.detail};
    case OffsetsStatus::kOk:
      break;
  }
  if (runtime.layout.runtime.interpreters_head + 8 > size) {
    return {AttachStatus::kBadLayout, runtime, "runtime_state.interpreters_head"};
  }
  const AttachStatus status = IsLive(runtime) ? AttachStatus::kOk : AttachStatus::kNotStarted;
  return {status, runtime, runtime.layout.Version()};
}

int OpenMappedFile(pid_t pid, const Mapping& mapping) {
  const std::string proc = "/proc/" + std::to_string(pid);
  char range[48];
  snprintf(range, sizeof(range), "%lx-%lx", mapping.start, mapping.end);
  // map_files opens the very file that is mapped, deleted or not; it needs a capability.
  int fd = OpenRegular(proc + "/map_files/" + range, nullptr);
  // The same file by its name, as the target sees it, unless another file took the name.
  if (fd == kNoFile) fd = OpenRegular(proc + "/root" + mapping.path, &mapping.inode);
  // The program itself stays reachable even when it was deleted or replaced.
  if (fd == kNoFile) fd = OpenRegular(proc + "/exe", &mapping.inode);
  return fd;
}

void RuntimeFinder::Remember(FileId id, KnownFile file) {
  if (without_runtime_->size() >= kMaxKnownFiles) without_runtime_->clear();
  without_runtime_->insert_or_assign(std::move(id), std::move(file));
}

AttachResult RuntimeFinder::FindByFiles(const std::vector<Mapping>& mappings) {
  AttachResult best{AttachStatus::kNotPython, {}, ""};
  std::set<std::pair<FileId, uint64_t>> seen;  // file and load bias
  std::map<FileId, AttachResult> unnamed;
  std::set<FileId> with_cookie;
  const Mapping* before = nullptr;
  FileId id;
  for (const Mapping& mapping : mappings) {
    if (mapping.inode == 0 || mapping.path.empty() || mapping.path.front() != '/') continue;
    if (before == nullptr || !SameFile(*before, mapping)) id = IdOf(pid_, mapping);
    before = &mapping;
    if (const auto known = without_runtime_->find(id); known != without_runtime_->end()) {
      KeepBetter(&best, known->second.named);
      if (known->second.must_scan) must_scan_ = true;
      continue;
    }
    const int fd = open_(mapping);
    if (fd < 0) {
      if (fd == kNoFile) must_scan_ = true;
      continue;
    }
    FileSource source(fd);
    const auto elf = Elf::Open(&source);
    const auto section = elf ? elf->FindSection(".PyRuntime") : std::nullopt;
    if (!elf) {
      Remember(id, {});
      continue;
    }
    const bool is_mute = !section && !elf->HasSections();
    if (is_mute) must_scan_ = true;
    for (const uint64_t bias : elf->LoadBiases(mapping.start, mapping.offset)) {
      if (!seen.insert({id, bias}).second) continue;
      AttachResult found{AttachStatus::kNotPython, {}, ""};
      if (section) found = Examine(bias + section->address, section->size);
      if (found.status == AttachStatus::kOk) return found;
      if (found.status == AttachStatus::kNotPython) {
        unnamed.try_emplace(id, NameOldPython(*elf, bias, section.has_value(), memory_));
      } else {
        with_cookie.insert(id);
        KeepBetter(&best, std::move(found));
      }
    }
    const auto named = unnamed.find(id);
    if (!section && named != unnamed.end()) {
      Remember(id, {named->second, is_mute});
    }
  }
  // A file that has the cookie at one place is no old Python because it lacks it at another.
  for (auto& [id, named] : unnamed) {
    if (!with_cookie.contains(id)) KeepBetter(&best, std::move(named));
  }
  return best;
}

AttachResult RuntimeFinder::FindByScan(const std::vector<Mapping>& mappings) {
  AttachResult best{AttachStatus::kNotPython, {}, ""};
  std::vector<std::byte> block(kScanBlock);
  uint64_t scanned = 0;
  for (const Mapping& mapping : mappings) {
    if (!mapping.readable || !mapping.writable) continue;
    for (uint64_t at = mapping.start; at < mapping.end; at += kScanBlock) {
      const size_t size = std::min<uint64_t>(kScanBlock, mapping.end - at);
      scanned += size;
      if (scanned > kMaxScan) return best;
      if (!memory_->Read(at, block.data(), size)) continue;
      for (size_t i = 0; i + 8 <= size; i += 8) {
        if (std::memcmp(block.data() + i, kDebugCookie, 8) != 0) continue;
        KeepBetter(&best, Examine(at + i, mapping.end - (at + i)));
        if (best.status == AttachStatus::kOk) return best;
      }
    }
  }
  return best;
}

AttachResult RuntimeFinder::Find(bool search_memory) {
  const std::string path = "/proc/" + std::to_string(pid_) + "/maps";
  std::string text;
  if (!ReadSmallFile(path, &text)) {
    if (errno == EACCES || errno == EPERM) return {AttachStatus::kPermission, {}, path};
    return {AttachStatus::kNoSuchProcess, {}, ""};
  }
  const std::vector<Mapping> mappings = ParseMaps(text);
  const auto readable =
      std::find_if(mappings.begin(), mappings.end(), [](const Mapping& m) { return m.readable; });
  if (readable == mappings.end()) return {AttachStatus::kNotPython, {}, "no memory"};

  // maps may be readable where memory is not (Yama, capabilities): ask the real question first.
  uint64_t word = 0;
  const Range probe{readable->start, sizeof(word)};
  const int64_t got = memory_->ReadRanges({&probe, 1}, reinterpret_cast<std::byte*>(&word));
  if (got == -EPERM) return {AttachStatus::kPermission, {}, "process_vm_readv"};
  if (got == -ESRCH) return {AttachStatus::kNoSuchProcess, {}, ""};
  if (got == -ENOSYS) return {AttachStatus::kPermission, {}, "process_vm_readv is not implemented"};

  return FindAmong(mappings, search_memory);
}

AttachResult RuntimeFinder::FindAmong(const std::vector<Mapping>& mappings, bool search_memory) {
  must_scan_ = false;
  AttachResult best = FindByFiles(mappings);
  if (best.status != AttachStatus::kNotPython || !must_scan_) return best;
  if (!search_memory) return {AttachStatus::kNotPython, {}, kNotSearched};
  return FindByScan(mappings);
}

}  // namespace pyprof
