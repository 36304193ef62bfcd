#include "runtime/core_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "test/fake/core_bytes.h"
#include "test/fake/process.h"

namespace pyprof::test {
namespace {

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

class CoreFileTest : public testing::Test {
 protected:
  std::unique_ptr<CoreFile> Open(const std::string& bytes, const std::string& executable = "") {
    return CoreFile::Parse(std::make_unique<StringSource>(bytes), executable, &status);
  }
  static std::string Read(CoreFile* core, uint64_t address, size_t size) {
    std::string out(size, '?');
    const Range range{address, size};
    const int64_t got = core->ReadRanges({&range, 1}, reinterpret_cast<std::byte*>(out.data()));
    if (got < 0) return "error " + std::to_string(got);
    return out.substr(0, static_cast<size_t>(got));
  }

  CoreFile::Status status{};
  TemporaryFolder folder;
};

TEST_F(CoreFileTest, SegmentsAreMemory) {
  const auto core =
      Open(FakeCore{.segments = {{0x2000, 8, "second.."}, {0x1000, 0x1000, "first"}}}.Bytes());
  ASSERT_NE(core, nullptr);
  EXPECT_EQ(Read(core.get(), 0x1000, 5), "first");
  EXPECT_EQ(Read(core.get(), 0x1002, 2), "rs");
  EXPECT_EQ(Read(core.get(), 0x1002, 9), "rst");
  EXPECT_EQ(Read(core.get(), 0x2000, 6), "second");
  EXPECT_EQ(Read(core.get(), 0x2000, 9), "second..");
  EXPECT_EQ(Read(core.get(), 0x500, 1), "error -14");
  EXPECT_EQ(Read(core.get(), 0x3000, 1), "error -14");
  EXPECT_EQ(Read(core.get(), ~uint64_t{0}, 8), "error -14");
}

TEST_F(CoreFileTest, WhatWasLeftOutIsInTheFile) {
  std::string content(3 * 4096, 'f');
  content.replace(4096, 5, "page1");
  const std::string path = folder.Write("library.so", content);
  FakeCore core{.segments = {{0x10000, 0x1000, content.substr(0, 4096)}, {0x11000, 0x1000, ""}},
                .files = {{0x10000, 0x11000, 0, path}, {0x11000, 0x13000, 1, path}}};
  auto open = Open(core.Bytes());
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(Read(open.get(), 0x11000, 5), "page1");
  // One page more, which has no segment at all.
  EXPECT_EQ(Read(open.get(), 0x12fff, 1), "f");
  EXPECT_EQ(Read(open.get(), 0x10ffe, 4), "ffpa");
  EXPECT_EQ(open->mappings().size(), 2u);
  EXPECT_TRUE(open->missing().empty());
  const int fd = open->OpenMapped(open->mappings().front());
  EXPECT_GE(fd, 0);
  close(fd);

  core.segments.front().bytes = std::string(4096, 'o');
  open = Open(core.Bytes());
  EXPECT_EQ(Read(open.get(), 0x11000, 5), "error -14");
  ASSERT_EQ(open->missing().size(), 1u);
  EXPECT_TRUE(open->missing().front().replaced);
  EXPECT_LT(open->OpenMapped(open->mappings().front()), 0);
}

TEST_F(CoreFileTest, AFileMayBeGoneOrBeNamedAnew) {
  const std::string path = folder.Write("moved", std::string(8192, 'm'));
  const FakeCore core{.segments = {{0x1000, 8, "anything"}},
                      .files = {{0x400000, 0x402000, 0, "/no/such/python (deleted)"}}};
  auto open = Open(core.Bytes());
  EXPECT_EQ(Read(open.get(), 0x401000, 1), "error -14");
  ASSERT_EQ(open->missing().size(), 1u);
  EXPECT_FALSE(open->missing().front().replaced);
  open = Open(core.Bytes(), path);
  EXPECT_EQ(open->executable(), "/no/such/python (deleted)");
  EXPECT_EQ(Read(open.get(), 0x401000, 2), "mm");
}

TEST_F(CoreFileTest, NotesTellOfTheProcess) {
  const auto core = Open(FakeCore{.segments = {{0x1000, 4, "data"}},
                                  .threads = {{42, -1, 0}, {43, 202, 0x7700}, {44, 0, 5}}}
                             .Bytes());
  ASSERT_NE(core, nullptr);
  EXPECT_EQ(core->pid(), 42);
  EXPECT_EQ(core->signal(), 11);
  EXPECT_EQ(core->command(), "python3 app.py");
  ASSERT_EQ(core->threads().size(), 3u);
  EXPECT_EQ(core->threads()[0].in_system_call, false);
  EXPECT_EQ(core->threads()[1].in_system_call, true);
  EXPECT_EQ(core->threads()[1].futex, 0x7700u);
  EXPECT_EQ(core->threads()[2].futex, 0u);
}

TEST_F(CoreFileTest, WhatIsNoCoreIsRefused) {
  EXPECT_EQ(Open(""), nullptr);
  EXPECT_EQ(status, CoreFile::Status::kNotACore);
  EXPECT_EQ(Open("\x7f"
                 "ELF and nothing else, which is too short for a header of sixty-four"),
            nullptr);
  EXPECT_EQ(status, CoreFile::Status::kNotACore);
  std::string program = FakeCore{.segments = {{0x1000, 4, "data"}}}.Bytes();
  program[16] = 2;  // e_type: a program
  EXPECT_EQ(Open(program), nullptr);
  EXPECT_EQ(status, CoreFile::Status::kNotACore);
  std::string narrow = FakeCore{.segments = {{0x1000, 4, "data"}}}.Bytes();
  narrow[4] = 1;  // 32 bits
  EXPECT_EQ(Open(narrow), nullptr);
  EXPECT_EQ(status, CoreFile::Status::kOtherMachine);
  EXPECT_EQ(Open(FakeCore{}.Bytes()), nullptr);
  EXPECT_EQ(status, CoreFile::Status::kNotACore);
  EXPECT_EQ(CoreFile::Open("/no/such/core", "", &status), nullptr);
  EXPECT_EQ(status, CoreFile::Status::kUnreadable);
}

TEST_F(CoreFileTest, ACutCoreHoldsNoMoreThanThereIs) {
  const std::string whole =
      FakeCore{.segments = {{0x1000, 4, "data"}}, .files = {{0x1000, 0x2000, 0, "/none"}}}.Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto core = Open(whole.substr(0, size));
    if (core == nullptr) continue;
    EXPECT_EQ(Read(core.get(), 0x1000, 4), "error -14") << size;
  }
}

}  // namespace
}  // namespace pyprof::test
