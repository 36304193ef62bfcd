#include "runtime/maps.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace pyprof::test {
namespace {

TEST(ParseMaps, ReadsEveryColumn) {
  const auto maps = ParseMaps(
      "00400000-00422000 r--p 00002000 fe:01 1835021                            "
      "/usr/bin/python3.14\n"
      "7f21a4c00000-7f21a4c04000 rw-p 00000000 00:00 0 \n");
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].start, 0x400000u);
  EXPECT_EQ(maps[0].end, 0x422000u);
  EXPECT_EQ(maps[0].offset, 0x2000u);
  EXPECT_EQ(maps[0].device, "fe:01");
  EXPECT_EQ(maps[0].inode, 1835021u);
  EXPECT_EQ(maps[0].path, "/usr/bin/python3.14");
  EXPECT_TRUE(maps[0].readable);
  EXPECT_FALSE(maps[0].writable);
  EXPECT_EQ(maps[1].path, "");
  EXPECT_EQ(maps[1].inode, 0u);
  EXPECT_TRUE(maps[1].writable);
}

TEST(ParseMaps, KeepsSpacesAndMarksInPaths) {
  const auto maps = ParseMaps("1000-2000 ---p 0 00:10 7    /opt/my app/lib python.so (deleted)");
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].path, "/opt/my app/lib python.so (deleted)");
  EXPECT_FALSE(maps[0].readable);
}

TEST(ParseMaps, ReadsTheHighestAddresses) {
  const auto maps =
      ParseMaps("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]");
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].start, 0xffffffffff600000u);
  EXPECT_EQ(maps[0].path, "[vsyscall]");
}

TEST(ParseMaps, PassesOverWhatIsNoMapping) {
  for (const char* line :
       {"", "\n\n", "hello", "1000", "1000-", "1000-2000", "1000-2000 r", "1000-2000 r--p",
        "1000-2000 r--p 0", "1000-2000 r--p 0 00:00", "1000-2000 r--p 0 00:00 ",
        "1000-2000 r--p 0 00:00 x", "2000-1000 r--p 0 00:00 0", "1000-1000 r--p 0 00:00 0",
        "1000-2000r--p 0 00:00 0", "10000000000000000-2 r--p 0 00:00 0",
        "1000-2000 r--p 10000000000000000 00:00 0", "-1000-2000 r--p 0 00:00 0"}) {
    EXPECT_TRUE(ParseMaps(line).empty()) << line;
  }
}

TEST(ParseMaps, ReadsTheGoodLinesAmongBadOnes) {
  const auto maps =
      ParseMaps("junk\n1000-2000 r--p 0 00:00 0 /a\njunk\n3000-4000 r--p 0 00:00 0 /b");
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[1].path, "/b");
}

TEST(ParseMaps, FindsThisTestInItsOwnMaps) {
  std::string text;
  ASSERT_TRUE(ReadSmallFile("/proc/self/maps", &text));
  const auto maps = ParseMaps(text);
  EXPECT_EQ(maps.size(), static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  EXPECT_TRUE(std::any_of(maps.begin(), maps.end(),
                          [&](const Mapping& mapping) { return mapping.path == self; }));
}

TEST(ReadSmallFile, LeavesErrnoWhenThereIsNone) {
  std::string text = "before";
  EXPECT_FALSE(ReadSmallFile("/proc/self/no such file", &text));
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace pyprof::test
