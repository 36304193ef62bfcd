#include "runtime/elf.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace pyprof {
namespace {

// Bounds for damaged or hostile files; a debug build of CPython stays far below each.
constexpr size_t kMaxSections = 65535;
constexpr size_t kMaxSegments = 1024;
constexpr uint64_t kMaxSectionNames = 16u << 20;
constexpr uint64_t kMaxSymbolTable = 64u << 20;
constexpr uint64_t kPageSize = 4096;

bool NameIs(const std::vector<char>& names, uint64_t at, std::string_view wanted) {
  return at < names.size() && names.size() - at > wanted.size() &&
         std::memcmp(names.data() + at, wanted.data(), wanted.size()) == 0 &&
         names[at + wanted.size()] == '\0';
}

}  // namespace

FileSource::~FileSource() { close(fd_); }

bool FileSource::ReadAt(uint64_t offset, void* out, size_t size) {
  auto* to = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = pread(fd_, to, size, static_cast<off_t>(offset));
    if (got <= 0) return false;
    to += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return true;
}

std::optional<Elf> Elf::Open(ByteSource* source) {
  Elf elf(source);
  if (!elf.Parse()) return std::nullopt;
  return elf;
}

bool Elf::Parse() {
  Elf64_Ehdr header{};
  if (!source_->ReadAt(0, &header, sizeof(header))) return false;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return false;
  }
  if (header.e_phnum > kMaxSegments || header.e_phentsize != sizeof(Elf64_Phdr)) return false;
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!source_->ReadAt(header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr))) {
    return false;
  }
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD) continue;
    segments_.push_back({segment.p_offset, segment.p_vaddr, segment.p_filesz});
  }

  // A file without section headers is still an ELF; it just has no section to find.
  if (header.e_shnum == 0 || header.e_shnum > kMaxSections ||
      header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shstrndx >= header.e_shnum) {
    return true;
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!source_->ReadAt(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr))) {
    return true;
  }
  const Elf64_Shdr& names = sections[header.e_shstrndx];
  if (names.sh_size > kMaxSectionNames) return true;
  section_names_.resize(names.sh_size);
  if (!source_->ReadAt(names.sh_offset, section_names_.data(), section_names_.size())) {
    section_names_.clear();
    return true;
  }
  for (const Elf64_Shdr& s : sections) {
    sections_.push_back(
        {s.sh_name, s.sh_type, s.sh_addr, s.sh_offset, s.sh_size, s.sh_entsize, s.sh_link});
  }
  return true;
}

std::optional<ElfSection> Elf::FindSection(std::string_view name) const {
  for (const Section& section : sections_) {
    if (NameIs(section_names_, section.name, name))
      return ElfSection{section.address, section.size};
  }
  return std::nullopt;
}

std::optional<uint64_t> Elf::FindSymbol(std::string_view name) const {
  for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    const auto table = std::find_if(sections_.begin(), sections_.end(),
                                    [type](const Section& s) { return s.type == type; });
    if (table == sections_.end()) continue;
    if (auto found = FindSymbolIn(*table, name)) return found;
  }
  return std::nullopt;
}

std::optional<uint64_t> Elf::FindSymbolIn(const Section& table, std::string_view name) const {
  if (table.link >= sections_.size() || table.entry_size != sizeof(Elf64_Sym)) return std::nullopt;
  const Section& strings = sections_[table.link];
  if (table.size > kMaxSymbolTable || strings.size > kMaxSymbolTable) return std::nullopt;
  std::vector<Elf64_Sym> symbols(table.size / sizeof(Elf64_Sym));
  std::vector<char> names(strings.size);
  if (!source_->ReadAt(table.offset, symbols.data(), symbols.size() * sizeof(Elf64_Sym)) ||
      !source_->ReadAt(strings.offset, names.data(), names.size())) {
    return std::nullopt;
  }
  for (const Elf64_Sym& symbol : symbols) {
    if (symbol.st_value != 0 && NameIs(names, symbol.st_name, name)) return symbol.st_value;
  }
  return std::nullopt;
}

std::vector<uint64_t> Elf::LoadBiases(uint64_t start, uint64_t offset) const {
  std::vector<uint64_t> biases;
  for (const ElfSegment& segment : segments_) {
    // The kernel maps whole pages, so a mapping starts at the page of the segment's first byte.
    const uint64_t first = segment.offset & ~(kPageSize - 1);
    if (offset != first || segment.file_size == 0) continue;
    biases.push_back(start - (segment.address - (segment.offset - first)));
  }
  return biases;
}

}  // namespace pyprof
