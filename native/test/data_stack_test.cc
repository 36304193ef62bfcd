#include <gtest/gtest.h>

#include <algorithm>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

/// Stacks that fill more than one data-stack chunk, and frames of every size.
class DataStackTest : public testing::TestWithParam<int> {
 protected:
  /// Frames of the only thread, root first; empty when the sample is not exact.
  std::vector<std::string> ExactFrames() {
    reader.Sample();
    if (reader.samples().size() != 1 || reader.samples()[0].quality != Quality::kExact) return {};
    return reader.Names(reader.samples()[0].stack);
  }
  /// A stack drawn by its ends: `<module> down*5000 leaf`.
  std::string Ends() {
    const std::vector<std::string> frames = ExactFrames();
    std::string text;
    for (size_t i = 0; i < frames.size();) {
      const auto same = std::find_if(frames.begin() + static_cast<ptrdiff_t>(i), frames.end(),
                                     [&](const std::string& f) { return f != frames[i]; });
      const auto count = static_cast<size_t>(same - frames.begin()) - i;
      if (i > 0) text += " ";
      text += frames[i];
      if (count > 1) text.append("*").append(std::to_string(count));
      i += count;
    }
    return text;
  }

  FakePython python{GetParam()};
  FakeReader reader{&python};
  FakeThread& main = python.AddThread("main");
};

INSTANTIATE_TEST_SUITE_P(Python, DataStackTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(DataStackTest, ReadsAcrossTwoChunks) {
  main.Enter().Call("<module>").Recurse("down", 200).Call("leaf");
  ASSERT_EQ(main.chunks().size(), 2u);
  EXPECT_EQ(Ends(), "<module> down*200 leaf");
  EXPECT_EQ(Ends(), "<module> down*200 leaf");
}

TEST_P(DataStackTest, FollowsAStackThatGrowsAndShrinksAcrossChunks) {
  main.Enter().Call("<module>");
  for (const int depth : {10, 150, 400, 401, 90, 0, 700, 30}) {
    while (main.depth() > static_cast<size_t>(depth) + 2) main.Return();
    while (main.depth() < static_cast<size_t>(depth) + 2) main.Call("down");
    EXPECT_EQ(ExactFrames().size(), static_cast<size_t>(depth) + 1);
  }
}

TEST_P(DataStackTest, ReadsAStackThatLostAChunkWhichIsNowUnmapped) {
  main.Enter().Call("<module>").Recurse("down", 200);
  ASSERT_EQ(Ends(), "<module> down*200");
  for (int i = 0; i < 190; ++i) main.Return();
  ASSERT_EQ(main.chunks().size(), 1u);
  EXPECT_EQ(Ends(), "<module> down*10");
  EXPECT_EQ(Ends(), "<module> down*10");
}

TEST_P(DataStackTest, ReadsRecursionOf5000Frames) {
  main.Enter().Call("<module>").Recurse("down", 5000).Call("leaf");
  EXPECT_EQ(Ends(), "<module> down*5000 leaf");
  main.Return().Call("other");
  EXPECT_EQ(Ends(), "<module> down*5000 other");
}

TEST_P(DataStackTest, ReadsRecursionOf50000FramesWithEntriesBetween) {
  main.Enter().Call("<module>");
  for (int i = 0; i < 500; ++i) main.Recurse("down", 100).Enter();
  main.Call("leaf");
  EXPECT_EQ(Ends(), "<module> down*50000 leaf");
}

TEST_P(DataStackTest, ReadsAFrameLargerThanADefaultChunk) {
  python.Function("huge", {.locals = 5000});
  main.Enter().Call("<module>").Call("huge").Call("leaf");
  ASSERT_GT(main.chunks().back().size, 16u * 1024);
  EXPECT_EQ(Ends(), "<module> huge leaf");
  EXPECT_EQ(Ends(), "<module> huge leaf");
}

TEST_P(DataStackTest, ReadsAHugeFrameAtTheTop) {
  python.Function("huge", {.locals = 5000});
  main.Enter().Call("<module>").Recurse("down", 20).Call("huge");
  EXPECT_EQ(Ends(), "<module> down*20 huge");
}

TEST_P(DataStackTest, ReadsAHugeFrameAtTheBottom) {
  python.Function("huge", {.locals = 100'000});
  main.Enter().Call("huge").Recurse("down", 20);
  EXPECT_EQ(Ends(), "huge down*20");
}

TEST_P(DataStackTest, ReadsFramesWithoutAnyLocals) {
  python.Function("tiny", {.locals = 0, .stack_size = 1});
  main.Enter().Call("<module>").Recurse("tiny", 30);
  EXPECT_EQ(Ends(), "<module> tiny*30");
}

TEST_P(DataStackTest, ReadsGeneratorsBetweenChunks) {
  main.Enter().Call("<module>");
  for (int i = 0; i < 10; ++i) main.Recurse("down", 40).Resume(python.Generator("gen"));
  ASSERT_GT(main.chunks().size(), 2u);
  std::string wanted = "<module>";
  for (int i = 0; i < 10; ++i) wanted += " down*40 gen";
  EXPECT_EQ(Ends(), wanted);
  EXPECT_EQ(Ends(), wanted);
}

TEST_P(DataStackTest, ReadsADeepChainOfGenerators) {
  main.Enter().Call("<module>");
  for (int i = 0; i < 3000; ++i) main.Resume(python.Generator("walk"));
  EXPECT_EQ(Ends(), "<module> walk*3000");
  EXPECT_EQ(Ends(), "<module> walk*3000");
}

TEST_P(DataStackTest, ReadsAStackThatIsInAnotherChunkEachTime) {
  main.Enter().Call("<module>").Recurse("down", 120);
  while (main.chunks().size() < 2) main.Call("down");
  main.Return();
  const size_t below = main.depth() - 1;
  for (int round = 0; round < 5; ++round) {
    main.Call("leaf");
    EXPECT_EQ(ExactFrames().size(), below + 1);
    main.Return();
    EXPECT_EQ(ExactFrames().size(), below);
  }
}

}  // namespace
}  // namespace pyprof::test
