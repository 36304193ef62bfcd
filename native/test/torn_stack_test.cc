#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

// Stacks as a reader meets them that does not stop its target: current_frame was copied at another
// instant than the frames, and frames that a chain leads to are gone.

class TornStackTest : public testing::TestWithParam<int> {
 protected:
  /// Shows the reader an intact stack first, from which it learns that frame sizes can be trusted
  /// and where to read.
  void Learn() { ASSERT_EQ(reader.Picture(), Whole("a b c")); }
  /// Picture of a chain that holds together. On 3.13 nothing proves that it did not move.
  std::string Whole(const std::string& frames) const {
    return (GetParam() == 13 ? "main* [repaired unproved]: " : "main*: ") + frames;
  }

  /// The frame's stack pointer is put back into it, as for every call; from 3.14 on.
  void WaitInCall(uint64_t frame) {
    python.memory().Put<uint64_t>(frame + python.layout().frame.stackpointer, frame + 80);
  }

  /// The coroutine has yielded, and awaits the object.
  void Yield(const FakeGenerator& coroutine, uint64_t awaited) {
    const auto& frame = python.layout().frame;
    python.SetPrevious(coroutine.frame, 0);
    uint64_t top = coroutine.frame + frame.localsplus + 16;  // behind two locals
    python.memory().Put(top, awaited);
    top += 8;
    if (GetParam() >= 15) {
      python.memory().Put<uint64_t>(top, 1);  // a null, tagged
      top += 8;
    }
    if (GetParam() >= 14) {
      python.memory().Put(coroutine.frame + frame.stackpointer, top);
    } else {
      python.memory().Put(coroutine.frame + frame.owner - 6,
                          static_cast<int32_t>(top - coroutine.frame - frame.localsplus) / 8);
    }
  }

  FakePython python{GetParam()};
  FakeReader reader{&python, Motion::kPossible};
  FakeThread& main = python.AddThread("main").Enter().Call("a").Call("b").Call("c");
  const uint64_t a = main.frame(1);
  const uint64_t b = main.frame(2);
  const uint64_t c = main.frame(3);
};

/// 3.14 and later, where the frames themselves tell which of them are alive.
class TornStack14Test : public TornStackTest {};
class TornStack13Test : public TornStackTest {};

const auto kName = [](const auto& minor) { return "v3_" + std::to_string(minor.param); };
INSTANTIATE_TEST_SUITE_P(Python, TornStackTest, testing::Values(13, 14, 15), kName);
INSTANTIATE_TEST_SUITE_P(Python, TornStack14Test, testing::Values(14, 15), kName);
INSTANTIATE_TEST_SUITE_P(Python, TornStack13Test, testing::Values(13), kName);

TEST_P(TornStack14Test, AFrameThatReturnedSinceItWasCurrentIsStillTheLeaf) {
  Learn();
  main.Return().PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
  main.PointCurrentFrameAt(b);
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, SoAreItsCallersThatReturnedAfterIt) {
  Learn();
  main.Return().Return().PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
}

TEST_P(TornStack14Test, AFrameThatReturnedFromNothingKnownIsNotNamed) {
  Learn();
  main.Return().PointCurrentFrameAt(c);
  const uint64_t code = python.Function("c");
  for (const uint64_t wrong : {uint64_t{0}, code, python.InstructionAt(code, 1000)}) {
    python.SetInstruction(c, wrong);
    EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b") << wrong;
  }
}

TEST_P(TornStack14Test, ADeadCallerOfALivingFrameIsNotNamed) {
  Learn();
  python.SetExecutable(b, 0);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a c");
}

TEST_P(TornStack14Test, WhatStandsBelowAFrameThatReturnedTellsNothingOfFrameSizes) {
  python.Function("wide", {.locals = 9});
  Learn();
  main.Return().Return().Call("wide").PointCurrentFrameAt(c);
  for (int i = 0; i < 40; ++i) reader.Sample();
  main.PointCurrentFrameAt(0x7f6600000000);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a wide");
}

TEST_P(TornStack14Test, AnEntryFrameThatIsGoneIsNoGreenlet) {
  const FakeGenerator gone = python.Generator("gone");
  python.SetExecutable(gone.frame, 0);
  python.memory().Put<uint8_t>(gone.frame + python.layout().frame.owner, kOwnedByInterpreter);
  main.PointCurrentFrameAt(gone.frame);
  EXPECT_EQ(reader.Picture(), GetParam() == 14 ? "main*:" : "main* [missed moved]:");
}

TEST_P(TornStack14Test, ALeafThatWasPoppedAndIsNotKnownIsNotShown) {
  main.Return().PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b");
}

TEST_P(TornStack14Test, SeveralFramesThatWerePoppedAreNotShown) {
  main.Return().Return().PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a");
}

TEST_P(TornStack14Test, ACalleeThatCameAfterCurrentFrameWasReadIsNotTheLeaf) {
  Learn();
  main.PointCurrentFrameAt(a);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a");
  main.Return().Call("d").PointCurrentFrameAt(b);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b");
}

TEST_P(TornStack14Test, ACalleeIsLookedForWhereTheCurrentFrameCannotBeSeen) {
  Learn();
  main.Call("d");
  const uint64_t d = main.leaf();
  reader.Sample();
  main.Return().Return().Call("e").PointCurrentFrameAt(d);
  python.SetInstruction(d, 0);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b e");
}

TEST_P(TornStack14Test, AStackThatChangedWhileItWasCopiedIsNotProved) {
  Learn();
  const std::function<void()> changes[] = {
      [&] { main.Return().Call("d"); }, [&] { main.Return(); },
      [&] { python.SetInstruction(a, python.InstructionAt(python.Function("a"), 7)); }};
  for (const auto& change : changes) {
    // The interpreter, the thread, its chunk, and the end of that once more.
    int ranges = 0;
    python.memory().OnRange([&](uint64_t) {
      if (++ranges == 4) change();
    });
    const std::string picture = reader.Picture();
    EXPECT_EQ(picture, "main* [repaired unproved]: " + picture.substr(picture.find(": ") + 2));
    python.memory().OnRange({});
    EXPECT_EQ(reader.Picture().find("main*: "), 0u);
  }
}

TEST_P(TornStack14Test, ALeafThatGoesOnWhileItIsCopiedIsProved) {
  Learn();
  int ranges = 0;
  python.memory().OnRange([&](uint64_t) {
    if (++ranges == 4) main.GoTo(7);
  });
  EXPECT_EQ(reader.Picture(), "main*: a b c");
  EXPECT_GE(ranges, 4);
}

TEST_P(TornStack14Test, ACalleeThatReturnsLeavesItsCallerTheTop) {
  Learn();
  main.GoTo(9).PointCurrentFrameAt(b);
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, AFrameIsTheTopUntilItHasReturned) {
  Learn();
  main.GoTo(9);
  EXPECT_EQ(reader.Picture(), "main*: a b c");
}

TEST_P(TornStack14Test, ACalleeThatHasNotBegunLeavesItsCallerTheTop) {
  Learn();
  main.GoTo(0).PointCurrentFrameAt(b);
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, ACalleeInTheNextChunkThatCameLaterLeavesTheLeafUnproved) {
  while (main.chunks().size() < 2) main.Call("down");
  reader.Sample();
  ASSERT_EQ(reader.samples()[0].quality, Quality::kExact);
  const size_t whole = reader.Names(reader.samples()[0].stack).size();
  main.PointCurrentFrameAt(main.frame(main.depth() - 2));
  reader.Sample();
  EXPECT_EQ(reader.Names(reader.samples()[0].stack).size(), whole - 1);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kUnproved);
}

TEST_P(TornStack14Test, ACalleeOfAGeneratorThatCameLaterLeavesTheLeafUnproved) {
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen).Call("d");
  ASSERT_EQ(reader.Picture(), "main* [repaired unproved]: a b c gen d");
  main.PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c");
}

TEST_P(TornStack14Test, ADeadFrameAboveTheLeafIsNotShown) {
  Learn();
  main.Return();
  ASSERT_EQ(python.memory().Get<uint64_t>(c + python.layout().frame.executable), 0u);
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, BytesAboveTheLeafThatDoNotLeadBackToItAreNotShown) {
  Learn();
  main.Return();
  python.SetExecutable(c, python.Function("c"));
  python.SetPrevious(c, a);
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, BytesAboveTheLeafThatAreNoCodeAreNotShown) {
  Learn();
  main.Return();
  python.SetExecutable(c, python.none());
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(TornStack14Test, ALeafThatIsGoneIsNotTheTimeOfACallerThatWaits) {
  Learn();
  WaitInCall(c);
  main.PointCurrentFrameAt(0x7f6600000000);
  EXPECT_EQ(reader.Picture(), "main* [partial moved]: a b c <gone>");
}

TEST_P(TornStack14Test, AFrameOfTheDataStackThatIsGoneLeavesItsCallers) {
  Learn();
  WaitInCall(c);
  const uint64_t let_go = 0x7f6600000000;
  python.memory().Put<uint64_t>(main.state() + python.layout().thread.datastack_chunk, let_go);
  main.PointCurrentFrameAt(let_go + 800);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
}

TEST_P(TornStack14Test, ACallerThatRunsAgainIsTheLeaf) {
  Learn();
  main.PointCurrentFrameAt(0x7f6600000000);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
}

TEST_P(TornStack14Test, AGeneratorThatEndedLeavesWhatElseRunsOnItsCaller) {
  Learn();
  WaitInCall(c);
  const FakeGenerator outer = python.Generator("outer");
  const FakeGenerator inner = python.Generator("inner");
  main.Resume(outer).Resume(inner);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c outer inner");
  python.SetExecutable(inner.frame, 0);
  python.SetPrevious(inner.frame, 0);
  EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c inner");
  python.SetInstruction(inner.frame, 0);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c outer");
  python.SetExecutable(outer.frame, 0);
  python.SetPrevious(outer.frame, 0);
  EXPECT_EQ(reader.Picture(), "main* [partial moved]: a b c <gone>");
}

TEST_P(TornStack14Test, AGeneratorThatCameAfterCurrentFrameWasReadIsShown) {
  Learn();
  main.Call("d");
  const uint64_t d = main.frame(4);
  const FakeGenerator gen = python.Generator("gen");
  main.Return().Resume(gen);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c gen");
  main.PointCurrentFrameAt(d);
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c gen");
}

TEST_P(TornStack13Test, CurrentFrameDecidesWhatTheLeafIs) {
  Learn();
  main.PointCurrentFrameAt(b);
  EXPECT_EQ(reader.Picture(), Whole("a b"));
}

TEST_P(TornStack13Test, AFrameThatWasPoppedLooksAliveAndIsShownOnlyByCurrentFrame) {
  main.Return();
  ASSERT_NE(python.memory().Get<uint64_t>(c + python.layout().frame.executable), 0u);
  EXPECT_EQ(reader.Picture(), Whole("a b"));
}

TEST_P(TornStack13Test, FramesThatStandOnTheirReturnAreDeadWhenTheLeafIsGone) {
  Learn();
  main.Call("d");
  reader.Sample();
  main.GoTo(9).Return();
  const uint64_t let_go = 0x7f6600000000;
  python.memory().Put<uint64_t>(main.state() + python.layout().thread.datastack_chunk, let_go);
  main.PointCurrentFrameAt(let_go + 800);
  EXPECT_EQ(reader.Picture(), "main* [repaired moved]: a b c");
}

TEST_P(TornStackTest, ALeafThatIsGoneBeforeAnythingWasLearntIsMissed) {
  main.PointCurrentFrameAt(0x7f6600000000);
  EXPECT_EQ(reader.Picture(), "main* [missed unreadable]:");
}

TEST_P(TornStackTest, AMissedThreadIsReadAgainAtTheNextSample) {
  main.PointCurrentFrameAt(0x7f6600000000);
  reader.Sample();
  main.PointCurrentFrameAt(c);
  EXPECT_EQ(reader.Picture(), Whole("a b c"));
}

TEST_P(TornStackTest, ALeafOverAnUnreadableCallerIsKept) {
  const FakeGenerator gen = python.GeneratorAlone("gen");
  main.Resume(gen).Call("leaf");
  python.memory().Unmap(gen.object, 200);
  EXPECT_EQ(reader.Picture(), "main* [partial unreadable]: leaf");
}

TEST_P(TornStackTest, CallersOnTheDataStackAreRecoveredUnderAnUnreadableOne) {
  Learn();
  const FakeGenerator gen = python.GeneratorAlone("gen");
  main.Resume(gen).Call("leaf");
  python.memory().Unmap(gen.object, 200);
  EXPECT_EQ(reader.Picture(), "main* [repaired unreadable]: a b c leaf");
}

TEST_P(TornStackTest, AGeneratorsChainThatHoldsTogetherIsNotProved) {
  main.Resume(python.Generator("gen"));
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c gen");
}

TEST_P(TornStackTest, AThreadThatCannotHaveRunIsExact) {
  FakeThread& other = python.AddThread("other").Enter().Call("run");
  other.Resume(python.Generator("gen"));
  reader.Sample();
  EXPECT_EQ(reader.samples()[0].native_id, other.native_id());
  EXPECT_EQ(reader.samples()[0].quality, Quality::kExact) << "main has the GIL";
}

TEST_P(TornStackTest, AThreadMayHaveRunWhenTheGilWentToAnotherOneDuringTheRead) {
  FakeThread& other = python.AddThread("other").Enter().Resume(python.Generator("gen"));
  reader.Sample();
  bool done = false;
  python.memory().OnRange([&](uint64_t range) {
    if (range % 4 == 3) done = (python.GiveGil(done ? main : other), !done);
  });
  reader.Sample();
  EXPECT_EQ(reader.samples()[0].native_id, other.native_id());
  EXPECT_EQ(reader.samples()[0].quality, Quality::kRepaired);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kUnproved);
}

TEST_P(TornStackTest, AGeneratorThatYieldedMeanwhileKeepsItsLeaf) {
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen);
  python.SetPrevious(gen.frame, 0);
  EXPECT_EQ(reader.Picture(), "main* [partial yielded]: gen");
}

TEST_P(TornStack14Test, CallersOfAGeneratorThatYieldedAreRecoveredButNotSure) {
  Learn();
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen);
  python.SetPrevious(gen.frame, 0);
  EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c gen");
}

/// A chain of coroutines that is known, and has yielded since its leaf was seen.
class YieldedTest : public TornStackTest {
 protected:
  void SetUp() override {
    Learn();
    main.Enter();
    entry = main.frame(4);
    main.Resume(outer).Resume(middle).Resume(inner).Call("leaf");
    ASSERT_EQ(reader.Picture(), "main* [repaired unproved]: a b c outer middle inner leaf");
    Yield(outer, middle.object);
    Yield(middle, inner.object);
    Yield(inner, python.none());
  }

  // A plan with too many frames gives up those at the highest addresses.
  const std::vector<FakeGenerator> others = {
      python.GeneratorAlone("x"), python.GeneratorAlone("y"), python.GeneratorAlone("z"),
      python.GeneratorAlone("x"), python.GeneratorAlone("y"), python.GeneratorAlone("z")};
  uint64_t entry = 0;
  const FakeGenerator outer = python.GeneratorAlone("outer");
  const FakeGenerator middle = python.GeneratorAlone("middle");
  const FakeGenerator inner = python.GeneratorAlone("inner");
};
INSTANTIATE_TEST_SUITE_P(Python, YieldedTest, testing::Values(13, 14, 15), kName);

TEST_P(YieldedTest, CallersAreThoseThatStillAwaitIt) {
  EXPECT_EQ(reader.Picture(), "main* [repaired yielded]: a b c outer middle inner leaf");
  EXPECT_EQ(reader.Picture(), "main* [repaired yielded]: a b c outer middle inner leaf");
}

TEST_P(YieldedTest, WhatDoesNotAwaitItIsNoCaller) {
  for (const uint64_t other : {python.none(), outer.object, uint64_t{0}, inner.object + 8}) {
    Yield(middle, other);
    EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c inner leaf") << other;
  }
  Yield(middle, inner.object);
  EXPECT_EQ(reader.Picture(), "main* [repaired yielded]: a b c outer middle inner leaf");
}

TEST_P(YieldedTest, AnEntryFrameThatWasOverwrittenMeanwhileIsPassedOver) {
  python.SetOwner(entry, 0x5d);
  python.SetPrevious(entry, 0x585d8d);
  EXPECT_EQ(reader.Picture(), "main* [repaired yielded]: a b c outer middle inner leaf");
}

TEST_P(YieldedTest, WhatIsNoGeneratorAnyMoreIsNoCaller) {
  python.SetOwner(middle.frame, kOwnedByThread);
  EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c inner leaf");
}

TEST_P(YieldedTest, AStackPointerThatLiesIsNotFollowed) {
  if (GetParam() == 13) {
    for (const int32_t words : {INT32_MAX, INT32_MIN, -1, 0}) {
      python.memory().Put(middle.frame + python.layout().frame.owner - 6, words);
      EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c inner leaf") << words;
    }
    return;
  }
  for (const uint64_t top : {uint64_t{0}, uint64_t{8}, middle.frame, middle.frame + 81,
                             middle.frame + (uint64_t{1} << 40), ~uint64_t{7}}) {
    python.memory().Put(middle.frame + python.layout().frame.stackpointer, top);
    EXPECT_EQ(reader.Picture(), "main* [partial yielded]: a b c inner leaf") << top;
  }
}

TEST_P(YieldedTest, AChainThatWasSeenBeforeIsFetchedByOneRead) {
  // As many others as drive it out of the plan.
  for (const size_t first : {size_t{0}, size_t{3}, size_t{0}}) {
    main.Return().Return().Return().Return();
    for (size_t i = first; i < first + 3; ++i) main.Resume(others[i]);
    main.Call("leaf");
    reader.Sample();
  }
  main.Return().Return().Return().Return();
  main.Resume(outer).Resume(middle).Resume(inner).Call("leaf");
  EXPECT_EQ(reader.ReadsOfSample(), 2u) << "the plan, and the three coroutines";
  EXPECT_EQ(reader.Picture(), "main* [repaired unproved]: a b c outer middle inner leaf");
}

TEST_P(TornStackTest, ACallerThatIsDeadIsMarkedAndTheLeafKept) {
  Learn();
  main.Call("leaf");
  python.SetExecutable(b, 0);
  const std::string picture = reader.Picture();
  EXPECT_EQ(reader.samples()[0].reason, Reason::kMoved) << picture;
  const auto names = reader.Names(reader.samples()[0].stack);
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.back(), "leaf") << picture;
  EXPECT_EQ(std::count(names.begin(), names.end(), "b"), 0) << picture;
}

TEST_P(TornStackTest, AChainThatEndsBeforeItsEntryFrameIsMarked) {
  python.SetPrevious(a, 0);
  EXPECT_EQ(reader.Picture(), "main* [partial moved]: a b c");
}

TEST_P(TornStackTest, AChainThatSkipsDownwardsIsFollowed) {
  // c called from a by way of C code that pushed no frame of its own: legal, if unusual.
  python.SetPrevious(c, a);
  EXPECT_EQ(reader.Picture(), Whole("a c"));
}

TEST_P(TornStackTest, AnExecutableThatIsNoCodeIsMarked) {
  python.SetExecutable(b, python.none());
  EXPECT_EQ(reader.Picture(), "main* [partial moved]: c");
}

TEST_P(TornStackTest, AnExecutableThatIsUnmappedIsMarked) {
  python.SetExecutable(b, 0x7f6600000000);
  EXPECT_EQ(reader.Picture(), "main* [partial moved]: c");
}

TEST_P(TornStackTest, AnInstructionOutsideOfItsCodeIsMarkedAndHasNoLine) {
  python.SetInstruction(c, python.InstructionAt(python.Function("c"), 500));
  const std::string lines = reader.PictureWithLines();
  EXPECT_EQ(reader.samples()[0].quality, Quality::kRepaired);
  EXPECT_EQ(lines.substr(lines.rfind(' ') + 1), "c:0");
}

TEST_P(TornStackTest, AFrameThatHasNotRunYetStandsBeforeItsFirstLineAndIsExact) {
  python.SetInstruction(c, python.InstructionAt(python.Function("c"), 0) - 2);
  EXPECT_EQ(reader.Picture(), Whole("a b c"));
}

TEST_P(TornStackTest, RecoveryGoesOverTheBoundaryOfChunks) {
  // Calls and returns leave dead frames above the live part of the older chunk.
  main.Recurse("down", 150);
  ASSERT_EQ(main.chunks().size(), 2u);
  ASSERT_EQ(reader.Sample(), SampleStatus::kOk);
  ASSERT_EQ(reader.Names(reader.samples()[0].stack).size(), 3u + 150u);
  const FakeGenerator gen = python.GeneratorAlone("gen");
  main.Resume(gen).Call("leaf");
  python.memory().Unmap(gen.object, 200);
  reader.Sample();
  const auto names = reader.Names(reader.samples()[0].stack);
  EXPECT_EQ(reader.samples()[0].quality, Quality::kRepaired);
  EXPECT_EQ(names.size(), 3u + 150u + 1u);
}

TEST_P(TornStackTest, RecoveryStopsAtTheLiveTopOfAnOlderChunk) {
  // A frame that would not fit leaves room above the older chunk's live top, where the dead
  // frames of earlier calls still stand.
  python.Function("large", {.locals = 2000});
  main.Recurse("down", 20);
  for (int i = 0; i < 20; ++i) main.Return();
  main.Call("large");
  ASSERT_EQ(main.chunks().size(), 2u);
  ASSERT_EQ(reader.Picture(), Whole("a b c large"));
  const FakeGenerator gen = python.GeneratorAlone("gen");
  main.Resume(gen).Call("leaf");
  python.memory().Unmap(gen.object, 200);
  EXPECT_EQ(reader.Picture(), "main* [repaired unreadable]: a b c large leaf");
}

}  // namespace
}  // namespace pyprof::test
