#include "test/fake/elf_file.h"

#include <elf.h>

#include <cstring>

namespace pyprof::test {
namespace {

template <typename T>
void Append(std::string* bytes, const T& value) {
  bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

uint32_t AddName(std::string* names, const std::string& name) {
  const auto at = static_cast<uint32_t>(names->size());
  names->append(name).push_back('\0');
  return at;
}

}  // namespace

std::string FakeElf::Bytes() const {
  std::string file(size, '\0');

  std::string names(1, '\0');
  std::vector<Elf64_Shdr> headers(1);
  for (const Section& section : sections) {
    Elf64_Shdr header{};
    header.sh_name = AddName(&names, section.name);
    header.sh_type = SHT_PROGBITS;
    header.sh_addr = section.address;
    header.sh_offset = section.offset;
    header.sh_size = section.size;
    headers.push_back(header);
  }

  std::string symbol_names(1, '\0');
  std::string symbol_table(sizeof(Elf64_Sym), '\0');
  for (const auto& [name, value] : symbols) {
    Elf64_Sym symbol{};
    symbol.st_name = AddName(&symbol_names, name);
    symbol.st_value = value;
    Append(&symbol_table, symbol);
  }
  const auto add_table = [&](const char* name, uint32_t type, const std::string& content) {
    Elf64_Shdr header{};
    header.sh_name = AddName(&names, name);
    header.sh_type = type;
    header.sh_offset = file.size();
    header.sh_size = content.size();
    if (type == SHT_DYNSYM) {
      header.sh_entsize = sizeof(Elf64_Sym);
      header.sh_link = static_cast<uint32_t>(headers.size()) + 1;
    }
    headers.push_back(header);
    file += content;
  };
  add_table(".dynsym", SHT_DYNSYM, symbol_table);
  add_table(".dynstr", SHT_STRTAB, symbol_names);
  // Last, since every table adds its name to it, this one too.
  add_table(".shstrtab", SHT_STRTAB, names);
  file.resize((file.size() + 7) / 8 * 8);

  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_DYN;
  head.e_machine = EM_X86_64;
  head.e_version = EV_CURRENT;
  head.e_ehsize = sizeof(head);
  head.e_phoff = sizeof(head);
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = static_cast<uint16_t>(segments.size());
  head.e_shentsize = sizeof(Elf64_Shdr);
  if (has_section_headers) {
    head.e_shoff = file.size();
    head.e_shnum = static_cast<uint16_t>(headers.size());
    head.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    for (const Elf64_Shdr& header : headers) Append(&file, header);
  }
  std::memcpy(file.data(), &head, sizeof(head));
  for (size_t i = 0; i < segments.size(); ++i) {
    Elf64_Phdr header{};
    header.p_type = PT_LOAD;
    header.p_offset = segments[i].offset;
    header.p_vaddr = segments[i].address;
    header.p_filesz = header.p_memsz = segments[i].size;
    header.p_align = 4096;
    std::memcpy(file.data() + sizeof(head) + i * sizeof(header), &header, sizeof(header));
  }
  return file;
}

}  // namespace pyprof::test
