#include "asyncio/asyncio_offsets.h"

#include <gtest/gtest.h>

#include "asyncio/page_memory.h"
#include "test/fake/asyncio.h"
#include "test/fake/memory.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

class AsyncioOffsetsTest : public testing::TestWithParam<int> {
 protected:
  std::optional<AsyncioOffsets> Parse(size_t words = 13) const {
    return ParseAsyncioOffsets(std::as_bytes(std::span(table)).first(words * 8), python.layout());
  }
  FakePython python{GetParam()};
  std::vector<uint64_t> table = FakeAsyncio::Table(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Python, AsyncioOffsetsTest, testing::Values(14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(AsyncioOffsetsTest, TakesTheRealTable) {
  const auto offsets = Parse();
  ASSERT_TRUE(offsets);
  EXPECT_EQ(offsets->task.awaited_by, 96u);
  EXPECT_EQ(offsets->task.node, 152u);
  EXPECT_EQ(offsets->thread.running_task, GetParam() == 14 ? 872u : 1032u);
}

TEST_P(AsyncioOffsetsTest, RefusesWhatIsCutOrLies) {
  EXPECT_FALSE(Parse(12));
  for (size_t word = 0; word < table.size(); ++word) {
    const uint64_t right = table[word];
    for (const uint64_t wrong : {~uint64_t{0}, uint64_t{1} << 40, right + 1'000'000}) {
      table[word] = wrong;
      EXPECT_FALSE(Parse()) << "word " << word << " is " << wrong;
    }
    table[word] = right;
  }
  table[7] += 8;  // the interpreter state of another build
  EXPECT_FALSE(Parse());
}

TEST(PageMemoryTest, CopiesEachPageOnceAndKnowsWhatToCopyNext) {
  FakeMemory target;
  target.Map(0x10000, 4 * FakeMemory::kPage);
  target.Put(0x10ff8, uint64_t{1});
  target.Put(0x11000, uint64_t{2});
  PageMemory memory(&target);
  memory.Begin();
  uint64_t words[2];
  ASSERT_TRUE(memory.Read(0x10ff8, words, sizeof(words)));  // over a page's end
  EXPECT_EQ(words[0], 1u);
  EXPECT_EQ(words[1], 2u);
  target.Put(0x11000, uint64_t{3});
  ASSERT_TRUE(memory.ReadValue(0x11000, words));
  EXPECT_EQ(words[0], 2u);  // of the same instant
  EXPECT_EQ(target.counts().reads, 1u);
  memory.Begin();
  EXPECT_EQ(target.counts().reads, 2u);
  ASSERT_TRUE(memory.ReadValue(0x11000, words));
  EXPECT_EQ(words[0], 3u);
  EXPECT_EQ(target.counts().reads, 2u);
  memory.Begin();  // the first page was not asked for any more
  EXPECT_EQ(target.counts().largest, 2 * FakeMemory::kPage);
  EXPECT_EQ(target.counts().bytes, 5 * FakeMemory::kPage);
}

TEST(PageMemoryTest, AnUnreadablePageHidesNoOther) {
  FakeMemory target;
  target.Map(0x10000, FakeMemory::kPage);
  target.Map(0x12000, FakeMemory::kPage);
  PageMemory memory(&target);
  memory.Begin();
  const Range ranges[] = {{0x10000, 8}, {0x11000, 8}, {0x12000, 8}};
  memory.Prepare(ranges);
  const uint64_t reads = target.counts().reads;
  uint64_t word = 0;
  EXPECT_TRUE(memory.ReadValue(0x10000, &word));
  EXPECT_FALSE(memory.ReadValue(0x11000, &word));
  EXPECT_FALSE(memory.ReadValue(0x10ffc, &word));
  EXPECT_TRUE(memory.ReadValue(0x12000, &word));
  EXPECT_EQ(target.counts().reads, reads);
  std::byte bytes[16];
  const Range over_the_end{0x10ff8, 16};
  EXPECT_EQ(memory.ReadRanges({&over_the_end, 1}, bytes), 8);
}

TEST(PageMemoryTest, AsksForNoMoreThanItsBound) {
  FakeMemory target;
  PageMemory memory(&target);
  memory.Begin();
  std::vector<Range> ranges;
  for (uint64_t i = 0; i < 100'000; ++i) ranges.push_back({0x10000000 + i * 8192, 8});
  memory.Prepare(ranges);
  EXPECT_TRUE(memory.full());
  EXPECT_LE(target.counts().largest, uint64_t{64} << 20);
  EXPECT_LT(target.counts().reads, 100u);
  uint64_t word = 0;
  EXPECT_FALSE(memory.ReadValue(~uint64_t{0} - 3, &word));  // wraps
}

}  // namespace
}  // namespace pyprof::test
