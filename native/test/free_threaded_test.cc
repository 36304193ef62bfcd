#include <gtest/gtest.h>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

/// A build without a GIL, by the offsets that it would publish. No live one has been read.
class FreeThreadedTest : public testing::TestWithParam<int> {
 protected:
  bool HasCopies() const { return GetParam() >= 14; }

  FakePython python{GetParam(), FakePython::Build::kFreeThreaded};
  FakeReader reader{&python, Motion::kPossible};
};

INSTANTIATE_TEST_SUITE_P(Python, FreeThreadedTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(FreeThreadedTest, ReadsEveryThreadByTheWiderObjects) {
  python.AddThread("main").Enter().Call("<module>").Call("serve");
  python.AddThread("worker").Enter().Call("run").Call("work");
  ASSERT_TRUE(python.layout().free_threaded);
  EXPECT_FALSE(reader.reader().HasGil());
  FakeReader stopped(&python, Motion::kStopped);
  EXPECT_EQ(stopped.Picture(), "worker: run work\nmain*: <module> serve");
}

TEST_P(FreeThreadedTest, TakesNoThreadForStandingStillBecauseAnotherHasTheGil) {
  FakeThread& main = python.AddThread("main").Enter().Call("<module>");
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  reader.Sample();
  for (int i = 0; i < 3; ++i) {
    main.Call("one");
    worker.Call("other");
    const std::string picture = reader.Picture();
    EXPECT_NE(picture.find(" other"), std::string::npos) << picture;
    EXPECT_NE(picture.find(" one"), std::string::npos) << picture;
    main.Return();
    worker.Return();
  }
  EXPECT_EQ(reader.reader().HolderNow(), 0u);
  EXPECT_EQ(reader.reader().SteadyHolder(), 0u);
}

TEST_P(FreeThreadedTest, KnowsTheLineInAThreadsOwnBytecode) {
  if (!HasCopies()) return;
  FakeReader stopped(&python, Motion::kStopped);
  const uint64_t code = python.Function("work", {.first_line = 40});
  const std::vector<uint64_t> copies = python.CopyBytecode(code, 3);
  FakeThread& main = python.AddThread("main").Enter().Call("work", 2);
  EXPECT_EQ(stopped.PictureWithLines(), "main*: work:42");
  python.SetInstruction(main.leaf(), copies[2] + 5 * 2);
  EXPECT_EQ(stopped.PictureWithLines(), "main*: work:45");
  python.SetInstruction(main.leaf(), copies[0]);
  EXPECT_EQ(stopped.PictureWithLines(), "main*: work:40");
  // More threads came: another array, with copies that were not there before.
  const std::vector<uint64_t> more = python.CopyBytecode(code, 5);
  python.SetInstruction(main.leaf(), more[4] + 7 * 2);
  EXPECT_EQ(stopped.PictureWithLines(), "main*: work:47");
}

TEST_P(FreeThreadedTest, AnInstructionInNoBytecodeHasNoLine) {
  if (!HasCopies()) return;
  FakeReader stopped(&python, Motion::kStopped);
  const uint64_t code = python.Function("work");
  const std::vector<uint64_t> copies = python.CopyBytecode(code, 1);
  FakeThread& main = python.AddThread("main").Enter().Call("work", 2);
  const std::string unsure = "main* [repaired moved]: work:0";
  python.SetInstruction(main.leaf(), copies[0] + 1000);
  EXPECT_EQ(stopped.PictureWithLines(), unsure);
  // An array that lies.
  python.SetInstruction(main.leaf(), copies[0] + 4);
  const uint64_t word = code + python.layout().code.co_tlbc;
  const auto array = python.memory().Get<uint64_t>(word);
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{0xdead0000}}) {
    python.memory().Put(word, wrong);
    EXPECT_EQ(stopped.PictureWithLines(), unsure);
  }
  python.memory().Put(word, array);
  python.memory().Put(array, ~uint64_t{0});
  EXPECT_EQ(stopped.PictureWithLines(), unsure);
}

TEST_P(FreeThreadedTest, AFrameInItsOwnBytecodeHasBegun) {
  if (!HasCopies()) return;
  // The top of the copied stack is looked for upwards, which asks whether a frame has begun.
  const uint64_t code = python.Function("work");
  const std::vector<uint64_t> copies = python.CopyBytecode(code, 1);
  FakeThread& main = python.AddThread("main").Enter().Call("<module>").Call("run");
  reader.Sample();
  const uint64_t run = main.leaf();
  main.Call("work");
  const uint64_t work = main.leaf();
  python.SetInstruction(work, copies[0] + 6);
  main.PointCurrentFrameAt(run);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: <module> run");
  python.SetInstruction(work, copies[0] - 2);
  EXPECT_EQ(reader.Picture(), "main*: <module> run");
}

}  // namespace
}  // namespace pyprof::test
