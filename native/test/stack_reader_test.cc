#include "stack/stack_reader.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

/// What holds for every supported version.
class StackReaderTest : public testing::TestWithParam<int> {
 protected:
  FakePython python{GetParam()};
  FakeReader reader{&python};
};

INSTANTIATE_TEST_SUITE_P(Python, StackReaderTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(StackReaderTest, ReadsAChainFromRootToLeaf) {
  python.AddThread("main").Enter().Call("<module>").Call("serve").Call("handle");
  EXPECT_EQ(reader.Picture(), "main*: <module> serve handle");
}

TEST_P(StackReaderTest, ReadsASingleFrame) {
  python.AddThread("main").Enter().Call("<module>");
  EXPECT_EQ(reader.Picture(), "main*: <module>");
}

TEST_P(StackReaderTest, TellsTheLineOfEveryFrame) {
  python.Function("<module>", {.first_line = 1});
  python.Function("serve", {.first_line = 40});
  python.AddThread("main").Enter().Call("<module>", 7).Call("serve", 2);
  EXPECT_EQ(reader.PictureWithLines(), "main*: <module>:8 serve:42");
}

TEST_P(StackReaderTest, SeesTheLeafMoveToAnotherLine) {
  python.Function("<module>", {.first_line = 1});
  FakeThread& main = python.AddThread("main").Enter().Call("<module>", 2);
  ASSERT_EQ(reader.PictureWithLines(), "main*: <module>:3");
  main.GoTo(4);
  EXPECT_EQ(reader.PictureWithLines(), "main*: <module>:5");
}

TEST_P(StackReaderTest, SeesACallerMoveToAnotherLineBelowTheSameLeaf) {
  python.Function("<module>", {.first_line = 1});
  python.Function("leaf", {.first_line = 50});
  FakeThread& main = python.AddThread("main").Enter().Call("<module>", 2).Call("leaf");
  ASSERT_EQ(reader.PictureWithLines(), "main*: <module>:3 leaf:51");
  main.Return().GoTo(6).Call("leaf");
  EXPECT_EQ(reader.PictureWithLines(), "main*: <module>:7 leaf:51");
}

TEST_P(StackReaderTest, FollowsCallsAndReturnsFromSampleToSample) {
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  EXPECT_EQ(reader.Picture(), "main*: a");
  main.Call("b").Call("c");
  EXPECT_EQ(reader.Picture(), "main*: a b c");
  main.Return().Call("d");
  EXPECT_EQ(reader.Picture(), "main*: a b d");
  main.Return().Return().Return().Call("e");
  EXPECT_EQ(reader.Picture(), "main*: e");
}

TEST_P(StackReaderTest, SkipsEntryFramesBetweenPythonFrames) {
  python.AddThread("main").Enter().Call("<module>").Enter().Call("key").Enter().Call("__lt__");
  EXPECT_EQ(reader.Picture(), "main*: <module> key __lt__");
}

TEST_P(StackReaderTest, SkipsAnEntryFrameAtTheTop) {
  python.AddThread("main").Enter().Call("<module>").Call("sort").Enter();
  EXPECT_EQ(reader.Picture(), "main*: <module> sort");
}

TEST_P(StackReaderTest, ReadsAGeneratorLeaf) {
  const FakeGenerator squares = python.Generator("squares");
  python.AddThread("main").Enter().Call("<module>").Call("total").Resume(squares, 3);
  EXPECT_EQ(reader.Picture(), "main*: <module> total squares");
}

TEST_P(StackReaderTest, ReadsGeneratorsThatCallFunctionsAndEachOther) {
  const FakeGenerator outer = python.Generator("outer");
  const FakeGenerator inner = python.Generator("inner");
  python.AddThread("main").Enter().Call("<module>").Resume(outer).Resume(inner).Call("work");
  EXPECT_EQ(reader.Picture(), "main*: <module> outer inner work");
}

TEST_P(StackReaderTest, ReadsACoroutineRunByCCode) {
  const FakeGenerator task = python.Generator("task");
  python.AddThread("main").Enter().Call("run").Enter().Resume(task).Call("step");
  EXPECT_EQ(reader.Picture(), "main*: run task step");
}

TEST_P(StackReaderTest, FollowsAGeneratorThatYieldsAndIsResumed) {
  const FakeGenerator squares = python.Generator("squares");
  FakeThread& main = python.AddThread("main").Enter().Call("<module>").Resume(squares);
  EXPECT_EQ(reader.Picture(), "main*: <module> squares");
  main.Return();
  EXPECT_EQ(reader.Picture(), "main*: <module>");
  main.Call("other").Resume(squares);
  EXPECT_EQ(reader.Picture(), "main*: <module> other squares");
}

TEST_P(StackReaderTest, AThreadWithoutFramesIsAnEmptyExactStack) {
  python.AddThread("main").Enter().Call("<module>");
  python.AddThread("native");
  EXPECT_EQ(reader.Picture(), "native:\nmain*: <module>");
}

TEST_P(StackReaderTest, AThreadInAnEvaluationLoopWithoutFramesIsAnEmptyExactStack) {
  python.AddThread("main").Enter();
  EXPECT_EQ(reader.Picture(), "main*:");
}

TEST_P(StackReaderTest, AThreadCanLoseAllFramesAndGetOthers) {
  FakeThread& main = python.AddThread("main").Enter().Call("first");
  EXPECT_EQ(reader.Picture(), "main*: first");
  main.ReturnAll();
  EXPECT_EQ(reader.Picture(), "main*:");
  main.Enter().Call("second");
  EXPECT_EQ(reader.Picture(), "main*: second");
}

TEST_P(StackReaderTest, AThreadThatTheSystemHasNotStartedIsNoSample) {
  python.AddThread("main").Enter().Call("<module>");
  FakeThread& coming = python.AddThread("coming");
  python.memory().Put(coming.state() + python.layout().thread.native_thread_id, uint64_t{0});
  EXPECT_EQ(reader.Picture(), "main*: <module>");
  EXPECT_EQ(reader.Picture(), "main*: <module>");
}

TEST_P(StackReaderTest, ListsEveryThread) {
  python.AddThread("main").Enter().Call("<module>").Call("join");
  python.AddThread("worker-1").Enter().Call("run").Call("parse");
  python.AddThread("worker-2").Enter().Call("run").Call("write");
  const std::string all = "worker-2: run write\nworker-1: run parse\nmain*: <module> join";
  EXPECT_EQ(reader.Picture(), all);
  EXPECT_EQ(reader.Picture(), all);
}

TEST_P(StackReaderTest, ANewThreadAppearsWhole) {
  python.AddThread("main").Enter().Call("<module>");
  ASSERT_EQ(reader.Picture(), "main*: <module>");
  python.AddThread("worker").Enter().Call("run").Call("parse");
  EXPECT_EQ(reader.Picture(), "worker: run parse\nmain*: <module>");
}

TEST_P(StackReaderTest, AThreadThatEndedIsGoneWithoutATrace) {
  python.AddThread("main").Enter().Call("<module>");
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  python.AddThread("last").Enter().Call("run");
  ASSERT_EQ(reader.Picture(), "last: run\nworker: run\nmain*: <module>");
  python.RemoveThread(worker);
  EXPECT_EQ(reader.Picture(), "last: run\nmain*: <module>");
  EXPECT_EQ(reader.Picture(), "last: run\nmain*: <module>");
}

TEST_P(StackReaderTest, KeepsTheSerialOfAThreadWhileOthersComeAndGo) {
  FakeThread& main = python.AddThread("main").Enter().Call("<module>");
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  reader.Sample();
  const uint32_t serial = reader.samples().back().serial;
  ASSERT_EQ(reader.samples().back().native_id, main.native_id());
  python.RemoveThread(worker);
  python.AddThread("other").Enter().Call("run");
  reader.Sample();
  ASSERT_EQ(reader.samples().back().native_id, main.native_id());
  EXPECT_EQ(reader.samples().back().serial, serial);
  EXPECT_NE(reader.samples().front().serial, serial);
}

TEST_P(StackReaderTest, AStateUsedAgainByAnotherThreadIsAnotherThread) {
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  reader.Sample();
  const uint32_t serial = reader.samples().front().serial;
  python.memory().Put(worker.state() + python.layout().thread.native_thread_id, uint64_t{9999});
  reader.Sample();
  EXPECT_EQ(reader.samples().front().native_id, 9999u);
  EXPECT_NE(reader.samples().front().serial, serial);
}

TEST_P(StackReaderTest, SaysPythonsAndTheSystemsIdOfAThread) {
  FakeThread& main = python.AddThread("main").Enter().Call("<module>");
  reader.Sample();
  EXPECT_EQ(reader.samples().front().native_id, main.native_id());
  EXPECT_EQ(reader.samples().front().python_id,
            python.memory().Get<uint64_t>(main.state() + python.layout().thread.thread_id));
}

// Interpreters.

TEST_P(StackReaderTest, ListsTheMainInterpreterFirstAndLabelsTheOthers) {
  python.AddThread("main").Enter().Call("<module>");
  python.AddThread("sub-1", python.AddInterpreter(1)).Enter().Call("job");
  python.AddThread("sub-2", python.AddInterpreter(2)).Enter().Call("job");
  const std::string all = "main*: <module>\nsub-1@1: job\nsub-2@2: job";
  EXPECT_EQ(reader.Picture(), all);
  EXPECT_EQ(reader.Picture(), all);
}

TEST_P(StackReaderTest, OnlyTheMainInterpreterHasAMainThread) {
  const uint64_t sub = python.AddInterpreter(1);
  python.AddThread("main").Enter().Call("<module>");
  python.AddThread("first of sub", sub).Enter().Call("job");
  EXPECT_EQ(reader.Picture(), "main*: <module>\nfirst of sub@1: job");
}

TEST_P(StackReaderTest, FindsAnInterpreterThatStartsLater) {
  python.AddThread("main").Enter().Call("<module>");
  ASSERT_EQ(reader.Picture(), "main*: <module>");
  python.AddThread("sub", python.AddInterpreter(7)).Enter().Call("job");
  EXPECT_EQ(reader.Picture(), "main*: <module>\nsub@7: job");
}

TEST_P(StackReaderTest, ForgetsTheNewestInterpreterWhenItEnds) {
  const uint64_t sub = python.AddInterpreter(1);
  python.AddThread("main").Enter().Call("<module>");
  python.AddThread("sub", sub).Enter().Call("job");
  reader.Sample();
  python.RemoveInterpreter(sub);
  EXPECT_EQ(reader.Picture(), "main*: <module>");
}

TEST_P(StackReaderTest, GoesOnWithTheOthersWhenAMiddleInterpreterEnds) {
  python.AddThread("main").Enter().Call("<module>");
  const uint64_t first = python.AddInterpreter(1);
  python.AddThread("one", first).Enter().Call("job");
  python.AddThread("two", python.AddInterpreter(2)).Enter().Call("job");
  python.AddThread("three", python.AddInterpreter(3)).Enter().Call("job");
  reader.Sample();
  const uint32_t two = reader.samples().at(2).serial;
  python.RemoveInterpreter(first);
  EXPECT_EQ(reader.Picture(), "main*: <module>\ntwo@2: job\nthree@3: job");
  EXPECT_EQ(reader.samples().at(1).serial, two) << "the thread is the one it was";
}

TEST_P(StackReaderTest, ReadsTheIdOfAnInterpreterThatTookTheAddressOfAnother) {
  python.AddThread("main").Enter().Call("<module>");
  const uint64_t sub = python.AddInterpreter(1);
  python.AddThread("sub", sub).Enter().Call("job");
  ASSERT_EQ(reader.Picture(), "main*: <module>\nsub@1: job");
  python.memory().Put(sub + python.layout().interpreter.id, int64_t{2});
  EXPECT_EQ(reader.Picture(), "main*: <module>\nsub@2: job");
}

TEST_P(StackReaderTest, NoInterpreterIsAStatus) {
  python.RemoveInterpreter(python.main_interpreter());
  EXPECT_EQ(reader.Sample(), SampleStatus::kNoInterpreter);
}

// The process.

TEST_P(StackReaderTest, AProcessThatIsGoneIsAStatus) {
  python.AddThread("main").Enter().Call("<module>");
  reader.Sample();
  python.memory().FailWith(-ESRCH);
  EXPECT_EQ(reader.Sample(), SampleStatus::kProcessGone);
}

TEST_P(StackReaderTest, AProcessThatRunsAnotherProgramIsGone) {
  python.AddThread("main").Enter().Call("<module>");
  reader.Sample();
  python.memory().Unmap(FakePython::kRuntime, python.layout().runtime.size);
  EXPECT_EQ(reader.Sample(), SampleStatus::kProcessGone);
}

TEST_P(StackReaderTest, LostPermissionIsAStatus) {
  python.AddThread("main").Enter().Call("<module>");
  reader.Sample();
  python.memory().FailWith(-EPERM);
  EXPECT_EQ(reader.Sample(), SampleStatus::kPermission);
}

TEST_P(StackReaderTest, AProcessThatComesBackIsReadAgain) {
  python.AddThread("main").Enter().Call("<module>");
  reader.Sample();
  python.memory().FailWith(-ESRCH);
  reader.Sample();
  python.memory().FailWith(0);
  EXPECT_EQ(reader.Picture(), "main*: <module>");
}

}  // namespace
}  // namespace pyprof::test
