#include "runtime/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/maps.h"
#include "test/fake/elf_file.h"

namespace pyprof::test {
namespace {

using Biases = std::vector<uint64_t>;

class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  bool ReadAt(uint64_t offset, void* out, size_t size) override {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return false;
    if (size > 0) std::memcpy(out, bytes_.data() + offset, size);
    return true;
  }

 private:
  std::string bytes_;
};

const FakeElf kLibrary = {
    .size = 0x5000,
    .segments = {{0, 0, 0x1800}, {0x2000, 0x2000, 0x1000}, {0x3db0, 0x4db0, 0x1000}},
    .sections = {{".text", 0x2000, 0x2000, 0x1000}, {".PyRuntime", 0x4dc0, 0x3dc0, 0x900}},
    .symbols = {{"Py_Version", 0x1010}, {"Py_Version2", 0x1018}, {"undefined", 0}},
};

TEST(Elf, FindsSectionsByTheirWholeName) {
  StringSource source(kLibrary.Bytes());
  const auto elf = Elf::Open(&source);
  ASSERT_TRUE(elf);
  EXPECT_TRUE(elf->HasSections());
  const auto section = elf->FindSection(".PyRuntime");
  ASSERT_TRUE(section);
  EXPECT_EQ(section->address, 0x4dc0u);
  EXPECT_EQ(section->size, 0x900u);
  EXPECT_FALSE(elf->FindSection(".PyRuntim"));
  EXPECT_FALSE(elf->FindSection("PyRuntime"));
  EXPECT_FALSE(elf->FindSection(".PyRuntime2"));
}

TEST(Elf, FindsSymbolsByTheirWholeName) {
  StringSource source(kLibrary.Bytes());
  const auto elf = Elf::Open(&source);
  EXPECT_EQ(elf->FindSymbol("Py_Version"), 0x1010u);
  EXPECT_EQ(elf->FindSymbol("Py_Version2"), 0x1018u);
  EXPECT_EQ(elf->FindSymbol("Py_Versio"), std::nullopt);
  EXPECT_EQ(elf->FindSymbol("undefined"), std::nullopt);
}

TEST(Elf, TheBiasOfAPositionIndependentFileIsWhereItWasLoaded) {
  StringSource source(kLibrary.Bytes());
  const auto elf = Elf::Open(&source);
  EXPECT_EQ(elf->LoadBiases(0x7f0000000000, 0), Biases{0x7f0000000000});
  EXPECT_EQ(elf->LoadBiases(0x7f0000002000, 0x2000), Biases{0x7f0000000000});
  EXPECT_EQ(elf->LoadBiases(0x7f0000004000, 0x3000), Biases{0x7f0000000000});
}

TEST(Elf, TheBiasOfAFileWithFixedAddressesIsZero) {
  FakeElf program = kLibrary;
  program.segments = {{0, 0x400000, 0x1800}, {0x3db0, 0x404db0, 0x1000}};
  StringSource source(program.Bytes());
  const auto elf = Elf::Open(&source);
  EXPECT_EQ(elf->LoadBiases(0x400000, 0), Biases{0});
  EXPECT_EQ(elf->LoadBiases(0x404000, 0x3000), Biases{0});
}

TEST(Elf, AMappingOutsideOfEverySegmentHasNoBias) {
  StringSource source(kLibrary.Bytes());
  EXPECT_EQ(Elf::Open(&source)->LoadBiases(0x7f0000000000, 0x9000), Biases{});
  EXPECT_EQ(Elf::Open(&source)->LoadBiases(0x7f0000000000, 0x1000), Biases{})
      << "within a segment, but not where it begins";
}

TEST(Elf, SegmentsThatBeginInOnePageGiveABiasEach) {
  FakeElf library = kLibrary;
  library.segments = {{0x3000, 0x3000, 0x150}, {0x3db0, 0x4db0, 0x1000}};
  StringSource source(library.Bytes());
  EXPECT_EQ(Elf::Open(&source)->LoadBiases(0x7f0000004000, 0x3000),
            (Biases{0x7f0000001000, 0x7f0000000000}));
}

TEST(Elf, AFileWithoutSectionHeadersIsStillAFile) {
  FakeElf stripped = kLibrary;
  stripped.has_section_headers = false;
  StringSource source(stripped.Bytes());
  const auto elf = Elf::Open(&source);
  ASSERT_TRUE(elf);
  EXPECT_FALSE(elf->HasSections());
  EXPECT_FALSE(elf->FindSection(".PyRuntime"));
  EXPECT_EQ(elf->FindSymbol("Py_Version"), std::nullopt);
  EXPECT_EQ(elf->LoadBiases(0x7f0000000000, 0), Biases{0x7f0000000000});
}

TEST(Elf, TheMappingsOfEveryFileMappedHereHaveOneBiasInCommon) {
  std::string text;
  ASSERT_TRUE(ReadSmallFile("/proc/self/maps", &text));
  std::map<std::string, std::set<uint64_t>> in_common;
  for (const Mapping& mapping : ParseMaps(text)) {
    if (mapping.inode == 0 || mapping.path.front() != '/') continue;
    const int fd = open(mapping.path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0) << mapping.path;
    FileSource source(fd);
    const auto elf = Elf::Open(&source);
    if (!elf) continue;
    EXPECT_TRUE(elf->HasSections()) << mapping.path;
    const Biases biases = elf->LoadBiases(mapping.start, mapping.offset);
    if (biases.empty()) continue;
    const auto [known, is_new] =
        in_common.try_emplace(mapping.path, std::set<uint64_t>(biases.begin(), biases.end()));
    if (is_new) continue;
    std::erase_if(known->second, [&biases](uint64_t bias) {
      return std::find(biases.begin(), biases.end(), bias) == biases.end();
    });
  }
  EXPECT_GE(in_common.size(), 3u) << "this program and its libraries";
  for (const auto& [path, biases] : in_common) EXPECT_EQ(biases.size(), 1u) << path;
}

TEST(Elf, FindsASymbolOfThisProgramsLibraries) {
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  FileSource source(fd);
  const auto elf = Elf::Open(&source);
  ASSERT_TRUE(elf);
  EXPECT_TRUE(elf->FindSection(".text"));
  EXPECT_TRUE(elf->FindSymbol("main"));
  EXPECT_FALSE(elf->FindSection(".PyRuntime"));
}

// Damage.

template <typename T>
std::string With(std::string bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

/// Asks everything; what matters is that it answers.
void AskAll(const std::string& bytes) {
  StringSource source(bytes);
  const auto elf = Elf::Open(&source);
  if (!elf) return;
  elf->FindSection(".PyRuntime");
  elf->FindSymbol("Py_Version");
  elf->LoadBiases(0x7f0000000000, 0);
  elf->LoadBiases(~uint64_t{0}, ~uint64_t{0});
}

TEST(Elf, OtherFilesAreRefused) {
  const std::string good = kLibrary.Bytes();
  for (const std::string& bytes :
       {std::string(), std::string("#!/bin/sh\n"), good.substr(0, 63), With(good, 0, 'X'),
        With(good, EI_CLASS, static_cast<char>(ELFCLASS32)),
        With(good, EI_DATA, static_cast<char>(ELFDATA2MSB)),
        With(good, offsetof(Elf64_Ehdr, e_phentsize), uint16_t{55}),
        With(good, offsetof(Elf64_Ehdr, e_phnum), uint16_t{65535}),
        With(good, offsetof(Elf64_Ehdr, e_phoff), ~uint64_t{0})}) {
    StringSource source(bytes);
    EXPECT_FALSE(Elf::Open(&source));
  }
}

TEST(Elf, DamagedSectionHeadersMeanNoSections) {
  const std::string good = kLibrary.Bytes();
  for (const std::string& bytes : {With(good, offsetof(Elf64_Ehdr, e_shoff), ~uint64_t{0}),
                                   With(good, offsetof(Elf64_Ehdr, e_shnum), uint16_t{65535}),
                                   With(good, offsetof(Elf64_Ehdr, e_shentsize), uint16_t{1}),
                                   With(good, offsetof(Elf64_Ehdr, e_shstrndx), uint16_t{65535})}) {
    StringSource source(bytes);
    const auto elf = Elf::Open(&source);
    ASSERT_TRUE(elf);
    EXPECT_FALSE(elf->HasSections());
    EXPECT_FALSE(elf->FindSection(".PyRuntime"));
  }
}

TEST(Elf, EveryTruncationIsSurvived) {
  const std::string good = kLibrary.Bytes();
  for (size_t size = 0; size < good.size(); size += size < 400 || size > 0x4ff0 ? 1 : 97) {
    AskAll(good.substr(0, size));
  }
}

TEST(Elf, EveryHeaderWordOfAllOnesIsSurvived) {
  const std::string good = kLibrary.Bytes();
  Elf64_Ehdr head{};
  std::memcpy(&head, good.data(), sizeof(head));
  for (size_t at = 16; at + 8 <= 400; at += 4) AskAll(With(good, at, ~uint64_t{0}));
  for (size_t at = head.e_shoff; at + 8 <= good.size(); at += 4) {
    AskAll(With(good, at, ~uint64_t{0}));
    AskAll(With(good, at, uint64_t{1} << 27));
  }
}

TEST(Elf, RandomDamageIsSurvived) {
  const std::string good = kLibrary.Bytes();
  std::mt19937_64 random(42);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 4; ++i) {
      const size_t from = random() % 2 == 0 ? 0 : 0x5000;
      bytes[from + random() % (from == 0 ? 400 : bytes.size() - 0x5000)] =
          static_cast<char>(random());
    }
    AskAll(bytes);
  }
}

TEST(Elf, ManySymbolTablesAreNotAllReadIn) {
  // A file may say that each of its sections is a symbol table of 60 MiB.
  FakeElf hostile;
  for (int i = 0; i < 2000; ++i) hostile.sections.push_back({".dynsym", 0, 0, 60 << 20});
  std::string bytes = hostile.Bytes();
  Elf64_Ehdr head{};
  std::memcpy(&head, bytes.data(), sizeof(head));
  for (int i = 1; i <= 2000; ++i) {
    const size_t at = head.e_shoff + static_cast<size_t>(i) * sizeof(Elf64_Shdr);
    bytes = With(std::move(bytes), at + offsetof(Elf64_Shdr, sh_type), uint32_t{SHT_DYNSYM});
    bytes =
        With(std::move(bytes), at + offsetof(Elf64_Shdr, sh_entsize), uint64_t{sizeof(Elf64_Sym)});
  }

  class CountingSource final : public ByteSource {
   public:
    explicit CountingSource(std::string content) : source_(std::move(content)) {}
    bool ReadAt(uint64_t offset, void* out, size_t size) override {
      asked += size;
      return source_.ReadAt(offset, out, size);
    }
    uint64_t asked = 0;

   private:
    StringSource source_;
  } source(bytes);
  const auto elf = Elf::Open(&source);
  ASSERT_TRUE(elf);
  EXPECT_EQ(elf->FindSymbol("Py_Version"), std::nullopt);
  EXPECT_LT(source.asked, 256u << 20);
}

}  // namespace
}  // namespace pyprof::test
