#include <gtest/gtest.h>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

/// A thread whose stack is changed for another one by C code, as the package greenlet does it.
class GreenletTest : public testing::TestWithParam<int> {
 protected:
  FakePython python{GetParam()};
  FakeThread& main{python.AddThread("main").Enter().Call("<module>").Call("hub")};
  FakeReader stopped{&python, Motion::kStopped};
  FakeReader still{&python, Motion::kStill};
  FakeReader live{&python, Motion::kPossible};
};

INSTANTIATE_TEST_SUITE_P(Python, GreenletTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(GreenletTest, ItsStackIsNotPassedOffAsWhole) {
  EXPECT_EQ(stopped.Picture(), "main*: <module> hub");
  main.BeginGreenlet().Enter().Call("job").Call("work");
  EXPECT_EQ(stopped.Picture(), "main*: <greenlet> job work");
  main.SwitchTo(0);
  EXPECT_EQ(stopped.Picture(), "main*: <module> hub");
}

TEST_P(GreenletTest, IsKnownWhenTheThreadsOwnStackWasNeverSeen) {
  main.BeginGreenlet().Enter().Call("job").Call("work");
  EXPECT_EQ(stopped.Picture(), "main*: <greenlet> job work");
}

TEST_P(GreenletTest, OneThatAGreenletBegan) {
  main.BeginGreenlet().Enter().Call("outer").BeginGreenlet().Enter().Call("inner");
  EXPECT_EQ(stopped.Picture(), "main*: <greenlet> inner");
  main.SwitchTo(1);
  EXPECT_EQ(stopped.Picture(), "main*: <greenlet> outer");
}

TEST_P(GreenletTest, ManyStacksInTurn) {
  for (const char* job : {"a", "b", "c"}) {
    main.SwitchTo(0).BeginGreenlet().Enter().Call(job).Recurse("deep", 200);
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 3; ++i) {
      main.SwitchTo(1 + i);
      const std::string picture = stopped.Picture();
      const std::string job(1, static_cast<char>('a' + i));
      EXPECT_EQ(picture.substr(0, 24), "main*: <greenlet> " + job + " deep");
      EXPECT_EQ(stopped.Names(stopped.samples().front().stack).size(), 202u);
    }
  }
}

TEST_P(GreenletTest, WhileTheThreadMayRunSeveralSamplesMustAgree) {
  main.BeginGreenlet().Enter().Call("job");
  const bool at_once = GetParam() == 15;  // which a word of the stack itself tells
  const std::string first = still.Picture();
  EXPECT_EQ(first, at_once ? "main*: <greenlet> job" : "main*: job");
  for (int i = 0; i < 5; ++i) still.Sample();
  EXPECT_EQ(still.Picture(), "main*: <greenlet> job");
  // Another one of a thread that is known to have some is known sooner.
  main.SwitchTo(0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(still.Picture(), "main*: <module> hub");
  main.BeginGreenlet().Enter().Call("other");
  still.Sample();
  EXPECT_EQ(still.Picture(), "main*: <greenlet> other");
}

TEST_P(GreenletTest, TheCountOfATornSampleDoesNotMakeAGreenlet) {
  if (GetParam() == 15) return;
  // The thread's words of one instant with the frames of another.
  const uint64_t back = GetParam() == 13 ? 28 : 24;
  const uint64_t word = main.state() + python.layout().thread.current_frame - back;
  for (int i = 0; i < 40; ++i) {
    const auto right = python.memory().Get<int32_t>(word);
    if (i % 3 == 0) python.memory().Put<int32_t>(word, right - 1 - i % 2);
    EXPECT_EQ(still.Picture(), "main*: <module> hub");
    EXPECT_EQ(live.Picture().find("<greenlet>"), std::string::npos);
    python.memory().Put<int32_t>(word, right);
  }
}

TEST_P(GreenletTest, WordsThatCannotBeACountAreNotUsed) {
  if (GetParam() == 15) return;
  const uint64_t back = GetParam() == 13 ? 28 : 24;
  const uint64_t word = main.state() + python.layout().thread.current_frame - back;
  for (const uint64_t wrong : {uint64_t{0}, ~uint64_t{0}, uint64_t{1000}, uint64_t{7} << 62}) {
    FakeReader reader(&python, Motion::kStopped);
    python.memory().Put(word, wrong);
    EXPECT_EQ(reader.Picture(), "main*: <module> hub");
  }
}

TEST_P(GreenletTest, ACallThatIsNotCountedYetIsNoGreenlet) {
  if (GetParam() == 15) return;
  const uint64_t back = GetParam() == 13 ? 28 : 24;
  const uint64_t word = main.state() + python.layout().thread.current_frame - back;
  python.memory().Put<int32_t>(word, python.memory().Get<int32_t>(word) + 1);
  EXPECT_EQ(stopped.Picture(), "main*: <module> hub");
}

TEST_P(GreenletTest, ACallThatIsCountedBeforeItsFrameIsNoGreenlet) {
  if (GetParam() == 15) return;
  const uint64_t back = GetParam() == 13 ? 28 : 24;
  const uint64_t word = main.state() + python.layout().thread.current_frame - back;
  const auto right = python.memory().Get<int32_t>(word);
  python.memory().Put<int32_t>(word, right - 1);
  EXPECT_EQ(stopped.Picture(), "main*: <module> hub");
  python.memory().Put<int32_t>(word, right);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(stopped.Picture(), "main*: <module> hub");
}

TEST_P(GreenletTest, OneBegunByTheOutermostFrameIsKnownAtOnceWhereNoCallIsUnderWay) {
  python.AddThread("waits").Enter().Call("run").BeginGreenlet().Enter().Call("job");
  EXPECT_EQ(stopped.Picture(), "waits: <greenlet> job\nmain*: <module> hub");
}

TEST_P(GreenletTest, OneBegunByTheOutermostFrameOfARunningThreadTakesSeveralLooks) {
  FakePython other{GetParam()};
  FakeThread& thread = other.AddThread("main").Enter().Call("<module>");
  thread.BeginGreenlet().Enter().Call("job");
  other.GiveGil(thread);
  FakeReader reader(&other, Motion::kStopped);
  if (GetParam() != 15) {
    EXPECT_EQ(reader.Picture(), "main*: job");
  }
  for (int i = 0; i < 5; ++i) reader.Sample();
  EXPECT_EQ(reader.Picture(), "main*: <greenlet> job");
}

}  // namespace
}  // namespace pyprof::test
