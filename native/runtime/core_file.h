#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/remote_memory.h"
#include "runtime/elf.h"
#include "runtime/maps.h"

namespace pyprof {

/// A thread of the process whose core was dumped.
struct CoreThread {
  uint64_t tid;
  /// Whether it was in a system call; nothing when the registers do not tell.
  std::optional<bool> in_system_call;
  /// Address on which it waited by futex(2); 0: it did not.
  uint64_t futex;
};

/// A core file (core(5)) as memory of the process that it was dumped of: its segments, and where
/// the kernel left pages out because they are those of a file, that file. Nothing in it is trusted.
///
/// A mapped file is used only as long as it looks like the one that was mapped: the core holds the
/// first page of each ELF file, unless it was told not to.
class CoreFile final : public RemoteMemory {
 public:
  enum class Status { kOk, kUnreadable, kNotACore, kOtherMachine };

  /// @param executable file to be used as the program; "": the one that the core names
  /// @param status why there is no result
  static std::unique_ptr<CoreFile> Open(const std::string& path, const std::string& executable,
                                        Status* status);
  /// The same of any bytes.
  static std::unique_ptr<CoreFile> Parse(std::unique_ptr<ByteSource> bytes,
                                         const std::string& executable, Status* status);

  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override;

  /// What was mapped, ascending.
  const std::vector<Mapping>& mappings() const { return mappings_; }
  /// Opens the file behind a mapping; negative when it is not there, or is another one by now. The
  /// caller closes it.
  int OpenMapped(const Mapping& mapping) const;
  /// Mapped files that were needed and that could not be used, and whether another file was there.
  struct MissingFile {
    std::string path;
    bool replaced;
  };
  std::vector<MissingFile> missing() const;

  /// The first one is that which dumped the core.
  const std::vector<CoreThread>& threads() const { return threads_; }
  pid_t pid() const { return pid_; }
  /// Its command line, of which the kernel keeps 80 bytes; else its name.
  const std::string& command() const { return command_; }
  /// Signal that ended it; 0: none, or not known.
  int signal() const { return signal_; }
  /// The program's own path, as the core names it; "" when it does not.
  const std::string& executable() const { return executable_; }

 private:
  /// A segment, of which the core has the first `file_size` bytes.
  struct Piece {
    uint64_t address;
    uint64_t size;
    uint64_t offset;
    uint64_t file_size;
    bool readable;
    bool writable;
  };
  /// A mapped file, once it was needed.
  struct File {
    std::unique_ptr<FileSource> source;
    bool tried = false;
    bool replaced = false;
  };

  CoreFile() = default;
  Status ParseHeaders();
  bool ParseNotes(uint64_t offset, uint64_t size);
  void ParseThread(const std::vector<std::byte>& note);
  void ParseFiles(const std::vector<std::byte>& note);
  void MakeMappings();
  const Piece* PieceAt(uint64_t address) const;
  size_t ReadPart(uint64_t address, size_t size, std::byte* out);
  FileSource* SourceOf(const std::string& path);
  std::string PathOf(const std::string& mapped) const;
  int OpenChecked(const std::string& mapped, bool* replaced) const;
  bool LooksTheSame(const std::string& mapped, FileSource* source) const;

  struct MappedPart {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    std::string path;
  };

  std::unique_ptr<ByteSource> bytes_;
  std::string substitute_;
  std::vector<Piece> pieces_;      // ascending
  std::vector<MappedPart> files_;  // ascending
  /// Where each file's beginning was mapped first.
  std::map<std::string, uint64_t> beginnings_;
  std::vector<Mapping> mappings_;
  std::vector<CoreThread> threads_;
  std::map<std::string, File> sources_;
  pid_t pid_ = 0;
  int signal_ = 0;
  uint16_t machine_ = 0;
  uint64_t entry_ = 0;
  std::string command_;
  std::string executable_;
};

}  // namespace pyprof
