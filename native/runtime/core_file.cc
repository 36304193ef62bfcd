#include "runtime/core_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "memory/load.h"

namespace pyprof {
namespace {

// Bounds for damaged or hostile files; a process with some hundred thousand mappings, of which the
// kernel allows 65,530 by default, stays below each.
constexpr uint64_t kMaxPieces = 1u << 20;
constexpr uint64_t kMaxNotes = 512u << 20;
constexpr uint64_t kMaxNote = 256u << 20;
constexpr uint64_t kMaxFiles = 1u << 20;
constexpr size_t kMaxThreads = 1u << 17;
constexpr size_t kMaxPath = 4096;

/// First bytes of a file by which it is known again: its ELF header and most of what follows.
constexpr size_t kKnownBy = 1024;

// struct elf_prstatus on 64-bit machines (linux/elfcore.h): the signal behind three ints, the
// thread's id, and the registers, on x86-64 in the order of user_regs_struct (sys/user.h).
constexpr size_t kSignalAt = 12;
constexpr size_t kTidAt = 32;
constexpr size_t kRegistersAt = 112;
constexpr size_t kFirstArgument = 14;  // rdi
constexpr size_t kSystemCall = 15;     // orig_rax
constexpr uint64_t kFutexCall = 202;

// struct elf_prpsinfo: id, name (16 bytes) and arguments (80 bytes).
constexpr size_t kPidAt = 24;
constexpr size_t kNameAt = 40;
constexpr size_t kArgumentsAt = 56;
constexpr size_t kInfoSize = 136;

constexpr uint64_t Aligned(uint64_t size) { return (size + 3) & ~uint64_t{3}; }

std::string TextIn(const std::vector<std::byte>& bytes, size_t at, size_t most) {
  if (at >= bytes.size()) return "";
  const auto* text = reinterpret_cast<const char*>(bytes.data() + at);
  return {text, strnlen(text, std::min(most, bytes.size() - at))};
}

int OpenFile(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return -1;
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

}  // namespace

std::unique_ptr<CoreFile> CoreFile::Open(const std::string& path, const std::string& executable,
                                         Status* status) {
  const int fd = OpenFile(path);
  if (fd < 0) {
    *status = Status::kUnreadable;
    return nullptr;
  }
  return Parse(std::make_unique<FileSource>(fd), executable, status);
}

std::unique_ptr<CoreFile> CoreFile::Parse(std::unique_ptr<ByteSource> bytes,
                                          const std::string& executable, Status* status) {
  std::unique_ptr<CoreFile> core(new CoreFile);
  core->bytes_ = std::move(bytes);
  core->substitute_ = executable;
  *status = core->ParseHeaders();
  if (*status != Status::kOk) return nullptr;
  core->MakeMappings();
  return core;
}

CoreFile::Status CoreFile::ParseHeaders() {
  Elf64_Ehdr header{};
  if (!bytes_->ReadAt(0, &header, sizeof(header)) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_CORE) {
    return Status::kNotACore;
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return Status::kOtherMachine;
  }
  machine_ = header.e_machine;
  uint64_t count = header.e_phnum;
  if (count == PN_XNUM) {
    // More segments than the field holds: the first section header has their number.
    Elf64_Shdr first{};
    if (!bytes_->ReadAt(header.e_shoff, &first, sizeof(first))) return Status::kNotACore;
    count = first.sh_info;
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || count > kMaxPieces) return Status::kNotACore;
  uint64_t notes = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Elf64_Phdr segment{};
    if (!bytes_->ReadAt(header.e_phoff + i * sizeof(segment), &segment, sizeof(segment))) {
      return Status::kNotACore;
    }
    if (segment.p_type == PT_NOTE) {
      notes += segment.p_filesz;
      if (notes > kMaxNotes || !ParseNotes(segment.p_offset, segment.p_filesz)) {
        return Status::kNotACore;
      }
    }
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
    if (segment.p_vaddr + segment.p_memsz < segment.p_vaddr) continue;
    pieces_.push_back({segment.p_vaddr, segment.p_memsz, segment.p_offset,
                       std::min(segment.p_filesz, segment.p_memsz), (segment.p_flags & PF_R) != 0,
                       (segment.p_flags & PF_W) != 0});
  }
  std::sort(pieces_.begin(), pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.address < b.address; });
  std::sort(files_.begin(), files_.end(),
            [](const MappedPart& a, const MappedPart& b) { return a.start < b.start; });
  return pieces_.empty() ? Status::kNotACore : Status::kOk;
}

bool CoreFile::ParseNotes(uint64_t offset, uint64_t size) {
  while (size >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr head{};
    if (!bytes_->ReadAt(offset, &head, sizeof(head))) return false;
    const uint64_t content = sizeof(head) + Aligned(head.n_namesz);
    const uint64_t whole = content + Aligned(head.n_descsz);
    if (whole > size + 3) return true;
    std::array<char, 8> name{};
    if (head.n_namesz <= name.size()) {
      bytes_->ReadAt(offset + sizeof(head), name.data(), head.n_namesz);
    }
    const bool is_core = std::strncmp(name.data(), "CORE", name.size()) == 0;
    const bool wanted = head.n_type == NT_PRSTATUS || head.n_type == NT_PRPSINFO ||
                        head.n_type == NT_AUXV || head.n_type == NT_FILE;
    // Its end must be there before room is made for it.
    std::byte last;
    const bool is_there = head.n_descsz > 0 && head.n_descsz <= kMaxNote &&
                          bytes_->ReadAt(offset + content + head.n_descsz - 1, &last, 1);
    if (is_core && wanted && is_there) {
      std::vector<std::byte> note(head.n_descsz);
      if (!bytes_->ReadAt(offset + content, note.data(), note.size())) return false;
      if (head.n_type == NT_PRSTATUS) ParseThread(note);
      if (head.n_type == NT_FILE) ParseFiles(note);
      if (head.n_type == NT_PRPSINFO && note.size() >= kInfoSize) {
        pid_ = Load<int32_t>(note.data() + kPidAt);
        command_ = TextIn(note, kArgumentsAt, 80);
        while (!command_.empty() && command_.back() == ' ') command_.pop_back();
        if (command_.empty()) command_ = TextIn(note, kNameAt, 16);
      }
      if (head.n_type == NT_AUXV) {
        for (size_t at = 0; at + 16 <= note.size(); at += 16) {
          if (Load<uint64_t>(note.data() + at) == AT_ENTRY) {
            entry_ = Load<uint64_t>(note.data() + at + 8);
          }
        }
      }
    }
    if (whole >= size) break;
    offset += whole;
    size -= whole;
  }
  return true;
}

void CoreFile::ParseThread(const std::vector<std::byte>& note) {
  if (note.size() < kTidAt + 4 || threads_.size() >= kMaxThreads) return;
  CoreThread thread{static_cast<uint32_t>(Load<int32_t>(note.data() + kTidAt)), std::nullopt, 0};
  if (threads_.empty()) signal_ = Load<int16_t>(note.data() + kSignalAt);
  if (machine_ == EM_X86_64 && note.size() >= kRegistersAt + 8 * (kSystemCall + 1)) {
    const auto reg = [&note](size_t index) {
      return Load<uint64_t>(note.data() + kRegistersAt + 8 * index);
    };
    thread.in_system_call = static_cast<int64_t>(reg(kSystemCall)) >= 0;
    if (*thread.in_system_call && reg(kSystemCall) == kFutexCall) {
      thread.futex = reg(kFirstArgument);
    }
  }
  threads_.push_back(thread);
}

/// NT_FILE: count, page size, then start, end and page of each, then their names, each ended by a
/// NUL (fs/binfmt_elf.c of Linux).
void CoreFile::ParseFiles(const std::vector<std::byte>& note) {
  if (note.size() < 16) return;
  const auto count = Load<uint64_t>(note.data());
  const auto page = Load<uint64_t>(note.data() + 8);
  if (count > kMaxFiles || page == 0 || page > (1u << 20) || 16 + count * 24 > note.size()) return;
  size_t name = 16 + count * 24;
  for (uint64_t i = 0; i < count && name < note.size(); ++i) {
    const std::byte* at = note.data() + 16 + i * 24;
    MappedPart part{Load<uint64_t>(at), Load<uint64_t>(at + 8), Load<uint64_t>(at + 16) * page,
                    TextIn(note, name, kMaxPath)};
    name += part.path.size() + 1;
    if (part.end > part.start) files_.push_back(std::move(part));
  }
}

void CoreFile::MakeMappings() {
  const auto holds = [this](const MappedPart& part) {
    return part.start <= entry_ && entry_ < part.end;
  };
  const auto program = std::find_if(files_.begin(), files_.end(), holds);
  if (program != files_.end()) executable_ = program->path;
  if (executable_.empty() && !files_.empty()) executable_ = files_.front().path;
  for (const Piece& piece : pieces_) {
    Mapping mapping{piece.address, piece.address + piece.size, 0, 0, "", "", piece.readable,
                    piece.writable};
    auto part = std::upper_bound(
        files_.begin(), files_.end(), piece.address,
        [](uint64_t address, const MappedPart& each) { return address < each.start; });
    if (part != files_.begin() && piece.address < (--part)->end) {
      mapping.offset = part->offset + (piece.address - part->start);
      mapping.path = part->path;
      // A core does not name files by their numbers: the path stands for them.
      mapping.inode = 1;
      mapping.device = part->path;
    }
    mappings_.push_back(std::move(mapping));
  }
  // What has no segment of its own is there all the same, and only to be read.
  for (const MappedPart& part : files_) {
    if (part.offset == 0) beginnings_.try_emplace(part.path, part.start);
    if (PieceAt(part.start) != nullptr) continue;
    mappings_.push_back({part.start, part.end, part.offset, 1, part.path, part.path, true, false});
  }
  std::sort(mappings_.begin(), mappings_.end(),
            [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
}

/// The segment at the address; null when there is none.
const CoreFile::Piece* CoreFile::PieceAt(uint64_t address) const {
  const auto above =
      std::upper_bound(pieces_.begin(), pieces_.end(), address,
                       [](uint64_t at, const Piece& each) { return at < each.address; });
  if (above == pieces_.begin()) return nullptr;
  const Piece& piece = *std::prev(above);
  return address - piece.address < piece.size ? &piece : nullptr;
}

std::string CoreFile::PathOf(const std::string& mapped) const {
  if (!substitute_.empty() && mapped == executable_) return substitute_;
  constexpr std::string_view kDeleted = " (deleted)";
  if (mapped.ends_with(kDeleted)) return mapped.substr(0, mapped.size() - kDeleted.size());
  return mapped;
}

bool CoreFile::LooksTheSame(const std::string& mapped, FileSource* source) const {
  const auto beginning = beginnings_.find(mapped);
  if (beginning == beginnings_.end()) return true;
  const Piece* piece = PieceAt(beginning->second);
  if (piece == nullptr || piece->address != beginning->second || piece->file_size < kKnownBy) {
    return true;
  }
  std::array<std::byte, kKnownBy> was;
  std::array<std::byte, kKnownBy> is;
  return bytes_->ReadAt(piece->offset, was.data(), was.size()) &&
         source->ReadAt(0, is.data(), is.size()) && was == is;
}

int CoreFile::OpenChecked(const std::string& mapped, bool* replaced) const {
  *replaced = false;
  const std::string path = PathOf(mapped);
  const int fd = OpenFile(path);
  if (fd < 0) return -1;
  FileSource source(dup(fd));
  if (LooksTheSame(mapped, &source)) return fd;
  close(fd);
  *replaced = true;
  return -1;
}

int CoreFile::OpenMapped(const Mapping& mapping) const {
  bool replaced = false;
  return OpenChecked(mapping.path, &replaced);
}

FileSource* CoreFile::SourceOf(const std::string& path) {
  File& file = sources_[path];
  if (!file.tried) {
    file.tried = true;
    const int fd = OpenChecked(path, &file.replaced);
    if (fd >= 0) file.source = std::make_unique<FileSource>(fd);
  }
  return file.source.get();
}

std::vector<CoreFile::MissingFile> CoreFile::missing() const {
  std::vector<MissingFile> out;
  for (const auto& [path, file] : sources_) {
    if (file.tried && file.source == nullptr) out.push_back({path, file.replaced});
  }
  return out;
}

/// Copies up to `size` bytes of one segment, or of one file; how many there were.
size_t CoreFile::ReadPart(uint64_t address, size_t size, std::byte* out) {
  const auto above =
      std::upper_bound(pieces_.begin(), pieces_.end(), address,
                       [](uint64_t at, const Piece& each) { return at < each.address; });
  // Up to where nothing else begins.
  uint64_t end = above == pieces_.end() ? UINT64_MAX : above->address;
  if (above != pieces_.begin()) {
    const Piece& piece = *std::prev(above);
    const uint64_t offset = address - piece.address;
    if (offset < piece.file_size) {
      const size_t part = std::min<uint64_t>(size, piece.file_size - offset);
      return bytes_->ReadAt(piece.offset + offset, out, part) ? part : 0;
    }
    if (offset < piece.size) end = std::min(end, piece.address + piece.size);
  }
  // The kernel left it out, and a debugger even its segment: the file has it, if one is mapped
  // there.
  const auto behind =
      std::upper_bound(files_.begin(), files_.end(), address,
                       [](uint64_t at, const MappedPart& each) { return at < each.start; });
  if (behind == files_.begin()) return 0;
  const MappedPart& mapped = *std::prev(behind);
  if (address >= mapped.end) return 0;
  FileSource* source = SourceOf(mapped.path);
  if (source == nullptr) return 0;
  const size_t part = std::min<uint64_t>(size, std::min(mapped.end, end) - address);
  return source->ReadAt(mapped.offset + (address - mapped.start), out, part) ? part : 0;
}

int64_t CoreFile::ReadRanges(std::span<const Range> ranges, std::byte* out) {
  int64_t done = 0;
  for (const Range& range : ranges) {
    uint64_t at = range.address;
    size_t left = range.size;
    while (left > 0) {
      const size_t got = ReadPart(at, left, out + done);
      if (got == 0) return done > 0 ? done : -EFAULT;
      done += static_cast<int64_t>(got);
      at += got;
      left -= got;
    }
  }
  return done;
}

}  // namespace pyprof
