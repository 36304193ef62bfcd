#include "test/fake/core_bytes.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace pyprof::test {
namespace {

template <typename T>
void Append(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Note(uint32_t type, const std::string& content) {
  std::string out;
  Append(&out, Elf64_Nhdr{5, static_cast<uint32_t>(content.size()), type});
  out.append("CORE\0\0\0\0", 8);
  out += content;
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}

}  // namespace

std::string FakeCore::Bytes() const {
  std::string notes;
  for (const Thread& thread : threads) {
    std::string status(336, '\0');
    std::memcpy(&status[12], &signal, sizeof(signal));
    std::memcpy(&status[32], &thread.tid, sizeof(thread.tid));
    std::memcpy(&status[112 + 8 * 14], &thread.first_argument, 8);
    std::memcpy(&status[112 + 8 * 15], &thread.system_call, 8);
    notes += Note(NT_PRSTATUS, status);
  }
  std::string info(136, '\0');
  std::memcpy(&info[24], &pid, sizeof(pid));
  std::memcpy(&info[56], command.data(), std::min<size_t>(command.size(), 80));
  notes += Note(NT_PRPSINFO, info);
  std::string mapped;
  Append(&mapped, static_cast<uint64_t>(files.size()));
  Append(&mapped, uint64_t{4096});
  for (const File& file : files) {
    Append(&mapped, file.start);
    Append(&mapped, file.end);
    Append(&mapped, file.page);
  }
  for (const File& file : files) mapped.append(file.path).push_back('\0');
  notes += Note(NT_FILE, mapped);

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_CORE;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<uint16_t>(segments.size() + 1);
  std::string out;
  Append(&out, header);
  uint64_t offset = sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr);
  std::string content;
  const auto add = [&](uint32_t type, uint64_t address, uint64_t size, const std::string& bytes) {
    Elf64_Phdr segment{};
    segment.p_type = type;
    segment.p_flags = PF_R | PF_W;
    segment.p_offset = offset + content.size();
    segment.p_vaddr = address;
    segment.p_filesz = bytes.size();
    segment.p_memsz = size;
    Append(&out, segment);
    content += bytes;
  };
  add(PT_NOTE, 0, 0, notes);
  for (const Segment& segment : segments) {
    add(PT_LOAD, segment.address, segment.size, segment.bytes);
  }
  return out + content;
}

}  // namespace pyprof::test
