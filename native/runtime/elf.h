#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pyprof {

/// Random access to the bytes of a file; a short or failed read returns false.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual bool ReadAt(uint64_t offset, void* out, size_t size) = 0;
};

/// An open file. Read by pread and never mapped: a file cut short while it is read must not
/// raise a signal.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  bool ReadAt(uint64_t offset, void* out, size_t size) override;

 private:
  int fd_;
};

struct ElfSection {
  uint64_t address;  // link-time
  uint64_t size;
};

struct ElfSegment {
  uint64_t offset;
  uint64_t address;  // link-time
  uint64_t file_size;
};

/// What the search for a runtime needs of a 64-bit little-endian ELF file.
class Elf {
 public:
  /// Nothing when the file is not such an ELF or its headers are damaged.
  static std::optional<Elf> Open(ByteSource* source);

  bool HasSections() const { return !sections_.empty(); }
  std::optional<ElfSection> FindSection(std::string_view name) const;
  /// Link-time address of a symbol, from .dynsym, then .symtab.
  std::optional<uint64_t> FindSymbol(std::string_view name) const;
  /// What to add to a link-time address, when the file is mapped at `start` from `offset` on. More
  /// than one answer where segments begin in the same page of the file; none for a mapping that is
  /// not the beginning of a segment.
  std::vector<uint64_t> LoadBiases(uint64_t start, uint64_t offset) const;

 private:
  struct Section {
    uint32_t name;
    uint32_t type;
    uint64_t address, offset, size, entry_size;
    uint32_t link;
  };
  explicit Elf(ByteSource* source) : source_(source) {}
  bool Parse();
  std::optional<uint64_t> FindSymbolIn(const Section& table, std::string_view name) const;

  ByteSource* source_;
  std::vector<Section> sections_;
  std::vector<ElfSegment> segments_;
  std::vector<char> section_names_;
};

}  // namespace pyprof
