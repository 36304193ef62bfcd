#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

// What a sample costs in reads of the target, and the short-cut by the GIL. One read is enough
// where nothing changes.

class ReadsTest : public testing::TestWithParam<int> {
 protected:
  /// Lets the reader find out all there is.
  void Settle() {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(reader.Sample(), SampleStatus::kOk);
  }
  void ExpectSteady() {
    Settle();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(reader.ReadsOfSample(), 1u);
  }

  FakePython python{GetParam()};
  FakeReader reader{&python};
  FakeThread& main = python.AddThread("main");
};

INSTANTIATE_TEST_SUITE_P(Python, ReadsTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(ReadsTest, AStackThatStandsTakesOneRead) {
  main.Enter().Call("a").Call("b").Call("c");
  ExpectSteady();
}

TEST_P(ReadsTest, AStackOfManyChunksTakesOneRead) {
  main.Enter().Recurse("down", 2000);
  ExpectSteady();
}

TEST_P(ReadsTest, AStackWithGeneratorsAndEntryFramesTakesOneRead) {
  main.Enter().Call("a").Resume(python.Generator("gen")).Enter().Call("b");
  main.Resume(python.Generator("gen2"));
  ExpectSteady();
}

TEST_P(ReadsTest, AFrameLargerThanAPageTakesOneRead) {
  python.Function("huge", {.locals = 3000});
  main.Enter().Call("a").Call("huge").Call("b");
  ExpectSteady();
}

TEST_P(ReadsTest, AThreadWithoutFramesTakesOneRead) {
  Settle();
  EXPECT_EQ(reader.ReadsOfSample(), 1u);
}

TEST_P(ReadsTest, AThreadThatLostAllItsFramesTakesOneReadAgain) {
  FakeThread& worker = python.AddThread("worker").Enter().Recurse("down", 500);
  main.Enter().Call("a");
  Settle();
  worker.ReturnAll();
  ExpectSteady();
}

TEST_P(ReadsTest, ALeafThatComesAndGoesTakesOneRead) {
  main.Enter().Call("a").Call("b").Call("c");
  Settle();
  for (int i = 0; i < 5; ++i) {
    main.Return();
    EXPECT_EQ(reader.ReadsOfSample(), 1u);
    main.Call("c");
    EXPECT_EQ(reader.ReadsOfSample(), 1u);
  }
}

TEST_P(ReadsTest, SeveralThreadsTakeOneRead) {
  main.Enter().Call("a");
  for (const char* name : {"one", "two", "three"}) {
    python.AddThread(name).Enter().Call("run").Call(name);
  }
  ExpectSteady();
}

TEST_P(ReadsTest, SeveralInterpretersTakeOneRead) {
  main.Enter().Call("a");
  python.AddThread("sub", python.AddInterpreter(1)).Enter().Call("job");
  ExpectSteady();
}

TEST_P(ReadsTest, AThreadThatEndsDoesNotSpoilTheReadsAfterIt) {
  main.Enter().Call("a");
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  Settle();
  python.RemoveThread(worker);
  ExpectSteady();
}

// The short-cut: while the GIL stays, only its holder can change its stack.

class GilTest : public ReadsTest {
 protected:
  void SetUp() override {
    main.Enter().Call("a");
    for (int i = 0; i < 100; ++i) {
      python.AddThread("worker").Enter().Call("run").Recurse("wait", 40);
    }
    Settle();
  }
  std::string FirstLine() {
    const std::string picture = reader.Picture();
    return picture.substr(0, picture.find('\n'));
  }
  std::string LastLine() {
    const std::string picture = reader.Picture();
    return picture.substr(picture.rfind('\n') + 1);
  }
  uint64_t BytesOfSample() {
    python.memory().ResetCounts();
    reader.Sample();
    return python.memory().counts().bytes;
  }
};

INSTANTIATE_TEST_SUITE_P(Python, GilTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(GilTest, AHundredThreadsCostWhatTheHolderCosts) {
  EXPECT_LT(BytesOfSample(), 32'000u);
  EXPECT_EQ(reader.ReadsOfSample(), 1u);
  EXPECT_EQ(reader.samples().size(), 101u);
}

TEST_P(GilTest, TheHoldersStackIsReadAnewEachTime) {
  main.Call("b");
  EXPECT_EQ(LastLine(), "main*: a b");
  main.Return().Call("c");
  EXPECT_EQ(LastLine(), "main*: a c");
  EXPECT_EQ(reader.samples().size(), 101u);
}

TEST_P(GilTest, AThreadThatTakesTheGilIsReadAnew) {
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  Settle();
  worker.Call("work");
  python.GiveGil(worker);
  EXPECT_EQ(FirstLine(), "taker: run work");
  EXPECT_EQ(LastLine(), "main*: a");
  worker.Call("more");
  EXPECT_EQ(FirstLine(), "taker: run work more");
}

TEST_P(GilTest, AThreadThatHadTheGilBetweenTwoSamplesIsReadAnew) {
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  Settle();
  python.GiveGil(worker);
  worker.Call("work");
  python.GiveGil(main);
  EXPECT_EQ(FirstLine(), "taker: run work");
}

TEST_P(GilTest, ANewThreadIsSeenAtOnce) {
  python.AddThread("new").Enter().Call("start");
  EXPECT_EQ(FirstLine(), "new: start");
}

TEST_P(GilTest, AHolderThatEndedIsSeenAtOnce) {
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  python.GiveGil(worker);
  Settle();
  python.RemoveThread(worker);
  reader.Sample();
  EXPECT_EQ(reader.samples().size(), 101u);
  EXPECT_EQ(LastLine(), "main*: a");
}

TEST_P(GilTest, AGilThatMovesWhileTheHolderIsReadMakesAllBeReadAnew) {
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  Settle();
  uint64_t first = ~uint64_t{0};
  python.memory().OnRange([&](uint64_t range) {
    if (first == ~uint64_t{0}) first = range;
    if (range != first + 2) return;  // between the two copies of the GIL's words
    worker.Call("work");
    python.GiveGil(worker);
  });
  EXPECT_EQ(FirstLine(), "taker: run work");
}

TEST_P(GilTest, WhatIsCopiedAfterTheLooksAtTheGilIsProvedOnlyWhileItStays) {
  // A new thread is not in the plan: it is copied behind all that is. How many ranges that takes:
  FakeThread& first = python.AddThread("first").Enter().Call("run");
  python.memory().ResetCounts();
  EXPECT_EQ(FirstLine(), "first: run");
  const uint64_t ranges = python.memory().counts().ranges;
  python.RemoveThread(first);
  Settle();
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  uint64_t copied = 0;
  python.memory().OnRange([&](uint64_t) {
    // The last one is the third look at the GIL.
    if (++copied != ranges - 1) return;
    worker.Call("work");
    python.GiveGil(worker);
  });
  EXPECT_EQ(FirstLine().substr(0, 27), "taker [repaired unproved]: ");
  python.memory().OnRange({});
  EXPECT_EQ(FirstLine(), "taker: run work");
}

TEST_P(GilTest, WhatIsCopiedAfterTheLooksAtTheGilIsProvedWhereItStayed) {
  python.AddThread("new").Enter().Call("start");
  EXPECT_EQ(FirstLine(), "new: start");
  EXPECT_EQ(LastLine(), "main*: a");
}

TEST_P(GilTest, AThreadUnderAGilOfItsOwnIsReadAnewEachTime) {
  const uint64_t interpreter = python.AddInterpreter(1, FakePython::Gil::kOwn);
  FakeThread& sub = python.AddThread("sub", interpreter).Enter().Call("job");
  Settle();
  sub.Call("step");
  reader.Sample();
  EXPECT_EQ(reader.Names(reader.samples().back().stack), (std::vector<std::string>{"job", "step"}));
  EXPECT_FALSE(reader.samples().back().main_gil);
  EXPECT_TRUE(reader.samples().front().main_gil);
}

TEST_P(GilTest, AThreadUnderAGilOfItsOwnIsNotProvedByTheMainOnesHolder) {
  const uint64_t interpreter = python.AddInterpreter(1, FakePython::Gil::kOwn);
  python.AddThread("sub", interpreter).Enter().Resume(python.Generator("job"));
  reader.Sample();
  EXPECT_EQ(reader.samples().back().quality, Quality::kRepaired);
  EXPECT_EQ(reader.samples().front().quality, Quality::kExact);
}

TEST_P(GilTest, AThreadOfAnotherInterpreterUnderTheSameGilIsProved) {
  const uint64_t interpreter = python.AddInterpreter(1);
  FakeThread& sub = python.AddThread("sub", interpreter).Enter().Resume(python.Generator("job"));
  FakeReader live(&python, Motion::kPossible);
  live.Sample();
  EXPECT_EQ(live.samples().back().quality, Quality::kExact) << "main has the GIL";
  EXPECT_TRUE(live.samples().back().main_gil);
  python.GiveGil(sub);
  live.Sample();
  EXPECT_EQ(live.samples().back().quality, Quality::kRepaired);
}

TEST_P(GilTest, LiveReadingHasTheShortCutToo) {
  FakeReader live(&python, Motion::kPossible);
  for (int i = 0; i < 3; ++i) live.Sample();
  python.memory().ResetCounts();
  live.Sample();
  EXPECT_LT(python.memory().counts().bytes, 32'000u);
}

TEST_P(GilTest, AHolderInAGeneratorKeepsTheShortCut) {
  FakeReader live(&python, Motion::kPossible);
  main.Resume(python.Generator("gen"));
  for (int i = 0; i < 3; ++i) live.Sample();
  python.memory().ResetCounts();
  live.Sample();
  EXPECT_LT(python.memory().counts().bytes, 32'000u);
}

TEST_P(GilTest, TellsWhoHasTheGil) {
  EXPECT_EQ(reader.reader().HolderNow(), main.native_id());
  reader.Sample();
  EXPECT_EQ(reader.reader().SteadyHolder(), main.native_id());
}

TEST_P(GilTest, AHolderThatChangedDuringTheReadIsNoSteadyOne) {
  FakeThread& worker = python.AddThread("taker").Enter().Call("run");
  Settle();
  python.memory().OnRange([&](uint64_t range) { python.GiveGil(range % 2 == 0 ? worker : main); });
  reader.Sample();
  EXPECT_EQ(reader.reader().SteadyHolder(), 0u);
}

}  // namespace
}  // namespace pyprof::test
