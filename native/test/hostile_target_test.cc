#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

// A target whose memory lies, by accident or on purpose. Whatever it says, a sample ends soon, asks
// for a bounded amount of memory, and says what it could not read.

class HostileTargetTest : public testing::TestWithParam<int> {
 protected:
  /// Takes two samples, the second with what the first taught, and checks how many reads they take
  /// and how much one of these asks for.
  void SampleWithin(uint64_t reads, uint64_t bytes) {
    for (int i = 0; i < 2; ++i) {
      python.memory().ResetCounts();
      reader.Sample();
      EXPECT_LE(python.memory().counts().reads, reads);
      EXPECT_LE(python.memory().counts().largest, bytes);
    }
  }
  static constexpr uint64_t kFew = 100;
  static constexpr uint64_t kSome = 1 << 20;

  void PutChunk(uint64_t address, uint64_t previous, uint64_t size, uint64_t top = 0) {
    python.memory().Put(address, previous);
    python.memory().Put(address + 8, size);
    python.memory().Put(address + 16, top);
  }
  void PointDataStackAt(uint64_t chunk) {
    python.memory().Put(main.state() + python.layout().thread.datastack_chunk, chunk);
  }

  FakePython python{GetParam()};
  FakeReader reader{&python};
  FakeThread& main = python.AddThread("main").Enter().Call("a").Call("b").Call("c");
  const uint64_t entry = main.frame(0);
  const uint64_t a = main.frame(1);
  const uint64_t b = main.frame(2);
  const uint64_t c = main.frame(3);
};

INSTANTIATE_TEST_SUITE_P(Python, HostileTargetTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

// Chains that lead back.

TEST_P(HostileTargetTest, AFrameThatIsItsOwnCallerEndsTheStack) {
  python.SetPrevious(c, c);
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].quality, Quality::kPartial);
}

TEST_P(HostileTargetTest, FramesThatCallEachOtherEndTheStack) {
  python.SetPrevious(b, c);
  SampleWithin(kFew, kSome);
  EXPECT_NE(reader.samples()[0].quality, Quality::kExact);
}

TEST_P(HostileTargetTest, AGeneratorThatIsItsOwnCallerIsTruncated) {
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen);
  python.SetPrevious(gen.frame, gen.frame);
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].quality, Quality::kPartial);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kTruncated);
  EXPECT_EQ(reader.Names(reader.samples()[0].stack).front(), "<truncated>");
}

TEST_P(HostileTargetTest, GeneratorsThatCallEachOtherAreTruncated) {
  const FakeGenerator one = python.Generator("one");
  const FakeGenerator two = python.Generator("two");
  main.Resume(one).Resume(two);
  python.SetPrevious(one.frame, two.frame);
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kTruncated);
}

TEST_P(HostileTargetTest, AnEntryFrameThatIsItsOwnCallerIsTruncated) {
  python.SetPrevious(entry, entry);
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kTruncated);
}

TEST_P(HostileTargetTest, EntryFramesThatCallEachOtherAreTruncated) {
  main.Enter().Enter();
  python.SetPrevious(main.frame(4), main.frame(5));
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].reason, Reason::kTruncated);
}

TEST_P(HostileTargetTest, AnEntryFrameOnTheDataStackThatIsItsOwnCallerEndsTheStack) {
  python.SetOwner(b, 3);
  python.SetPrevious(b, b);
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.samples()[0].quality, Quality::kPartial);
}

TEST_P(HostileTargetTest, ACycleOverStackHeapAndEntryFramesEndsTheStack) {
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen).Enter();
  python.SetPrevious(a, main.leaf());
  SampleWithin(kFew, kSome);
  EXPECT_NE(reader.samples()[0].quality, Quality::kExact);
}

TEST_P(HostileTargetTest, ACycleThatFormsBetweenTwoSamplesEndsTheStack) {
  const FakeGenerator gen = python.Generator("gen");
  main.Resume(gen);
  ASSERT_EQ(reader.Picture(), "main*: a b c gen");
  python.SetPrevious(entry, gen.frame);
  SampleWithin(kFew, kSome);
  EXPECT_NE(reader.samples()[0].quality, Quality::kExact);
}

TEST_P(HostileTargetTest, AnEndlessChainOfFramesInTheHeapIsCutSoon) {
  // What follows is as long as memory is; 200000 frames stand for it.
  constexpr uint64_t kFrames = 160'000;
  const uint64_t code = python.Function("gen");
  const uint64_t size = python.layout().frame.size;
  const uint64_t from = python.Allocate(kFrames * size);
  for (uint64_t i = 0; i < kFrames; ++i) {
    python.SetExecutable(from + i * size, code);
    python.SetPrevious(from + i * size, from + (i + 1) % kFrames * size);
    python.SetOwner(from + i * size, 1);
  }
  main.PointCurrentFrameAt(from);
  SampleWithin(150'000, uint64_t{1} << 30);
  EXPECT_NE(reader.samples()[0].quality, Quality::kExact);
}

// Frames that are something else.

TEST_P(HostileTargetTest, FramesThatPointIntoTheWildAreMarked) {
  for (const uint64_t wild :
       {uint64_t{1}, uint64_t{8}, uint64_t{0x7fffffffffff}, ~uint64_t{0}, ~uint64_t{7}, a + 4}) {
    python.SetPrevious(c, wild);
    SampleWithin(kFew, kSome);
    EXPECT_NE(reader.samples()[0].quality, Quality::kExact) << wild;
  }
}

TEST_P(HostileTargetTest, ExecutablesThatPointIntoTheWildAreMarked) {
  for (const uint64_t wild : {uint64_t{8}, uint64_t{0x7fffffffffff}, ~uint64_t{7}, c, entry,
                              python.code_type(), FakePython::kRuntime}) {
    python.SetExecutable(b, wild);
    SampleWithin(kFew, kSome);
    EXPECT_NE(reader.samples()[0].quality, Quality::kExact) << wild;
  }
}

TEST_P(HostileTargetTest, EveryOwnerByteIsSurvived) {
  for (int owner = 0; owner < 256; ++owner) {
    python.SetOwner(b, static_cast<uint8_t>(owner));
    SampleWithin(kFew, kSome);
    if (owner != 0) {
      EXPECT_NE(reader.samples()[0].quality, Quality::kExact) << owner;
    }
  }
}

// Data-stack chunks.

TEST_P(HostileTargetTest, AChunkThatIsItsOwnPredecessorIsReadFrameByFrame) {
  python.memory().Put(main.chunks()[0].address, main.chunks()[0].address);
  EXPECT_EQ(reader.Picture(), "main*: a b c");
}

TEST_P(HostileTargetTest, ChunksThatPrecedeEachOtherAreReadWithinBounds) {
  const uint64_t other = python.Allocate(2 * 4096) / 4096 * 4096 + 4096;
  python.memory().Map(other, 4096);
  PutChunk(other, main.chunks()[0].address, 16384);
  python.memory().Put(main.chunks()[0].address, other);
  SampleWithin(10'000, 256 << 20);
}

TEST_P(HostileTargetTest, AChunkOfAnAbsurdSizeIsReadFrameByFrame) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{24}, uint64_t{4096},
                              uint64_t{16385}, uint64_t{1} << 40, ~uint64_t{0}}) {
    python.memory().Put(main.chunks()[0].address + 8, size);
    EXPECT_EQ(reader.Picture(), "main*: a b c") << size;
    SampleWithin(kFew, kSome);
  }
}

TEST_P(HostileTargetTest, AChunkThatClaimsMoreThanIsMappedIsReadAsFarAsItGoes) {
  python.memory().Put(main.chunks()[0].address + 8, uint64_t{32 << 20});
  EXPECT_EQ(reader.Picture(), "main*: a b c");
  SampleWithin(kFew, 128 << 20);
}

TEST_P(HostileTargetTest, AChunkPointerIntoTheWildIsReadFrameByFrame) {
  for (const uint64_t wild : {uint64_t{0}, uint64_t{1}, uint64_t{4096}, ~uint64_t{4095}}) {
    PointDataStackAt(wild);
    EXPECT_EQ(reader.Picture(), "main*: a b c") << wild;
    SampleWithin(kFew, kSome);
  }
}

TEST_P(HostileTargetTest, ManyChunksThatClaimMuchDoNotMakeTheReaderAskForIt) {
  // Each header stands on a page of its own and says that 60 MiB of it are in use.
  constexpr uint64_t kClaim = 60 << 20;
  constexpr uint64_t kFrom = 0x7f5000000000;
  constexpr uint64_t kCount = 20;
  for (uint64_t i = 0; i < kCount; ++i) {
    const uint64_t at = kFrom + i * (kClaim + 4096);
    python.memory().Map(at, 16384);
    PutChunk(at, i == 0 ? 0 : at - kClaim - 4096, kClaim, kClaim / 8 - 3);
  }
  PutChunk(main.chunks()[0].address, kFrom + (kCount - 1) * (kClaim + 4096), 16384);
  SampleWithin(1000, uint64_t{512} << 20);
}

// Lists.

TEST_P(HostileTargetTest, AThreadThatIsItsOwnSuccessorIsSampledOnce) {
  python.memory().Put(main.state() + python.layout().thread.next, main.state());
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.Picture(), "main*: a b c");
}

TEST_P(HostileTargetTest, ThreadsThatSucceedEachOtherAreSampledOnce) {
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  python.AddThread("newest").Enter().Call("run");
  python.memory().Put(main.state() + python.layout().thread.next, worker.state());
  SampleWithin(kFew, kSome);
  EXPECT_EQ(reader.Picture(), "newest: run\nworker: run\nmain*: a b c");
  EXPECT_EQ(reader.Picture(), "newest: run\nworker: run\nmain*: a b c");
}

TEST_P(HostileTargetTest, AListOfThreadsThatLeadsIntoTheWildKeepsThoseBeforeIt) {
  python.AddThread("worker").Enter().Call("run");
  for (const uint64_t wild : {uint64_t{8}, uint64_t{0x7fffffffffff}, ~uint64_t{0}}) {
    python.memory().Put(main.state() + python.layout().thread.next, wild);
    EXPECT_EQ(reader.Picture(), "worker: run\nmain*: a b c") << wild;
  }
}

TEST_P(HostileTargetTest, ThreadsBehindOneThatIsGoneAreCountedAsMissed) {
  FakeThread& worker = python.AddThread("worker").Enter().Call("run");
  FakeThread& newest = python.AddThread("newest").Enter().Call("run");
  ASSERT_EQ(reader.Picture(), "newest: run\nworker: run\nmain*: a b c");
  const auto serial = reader.samples()[2].serial;
  python.memory().Put(worker.state() + python.layout().thread.interp, uint64_t{0});
  python.GiveGil(newest);
  EXPECT_EQ(reader.Picture(),
            "newest: run\nworker [missed thread gone]:\nmain* [missed thread gone]:");
  EXPECT_EQ(reader.samples()[2].python_id, 0x7f0000000000 + main.native_id());
  python.memory().Put(worker.state() + python.layout().thread.interp, python.main_interpreter());
  EXPECT_EQ(reader.Picture(), "newest: run\nworker: run\nmain*: a b c");
  EXPECT_EQ(reader.samples()[2].serial, serial) << "it is the thread it was";
}

TEST_P(HostileTargetTest, AnInterpreterThatIsItsOwnSuccessorIsSurvived) {
  const uint64_t interpreter = python.main_interpreter();
  python.memory().Put(interpreter + python.layout().interpreter.next, interpreter);
  SampleWithin(200'000, uint64_t{1} << 30);
  EXPECT_LE(reader.samples().size(), 1u);
}

TEST_P(HostileTargetTest, InterpretersThatSucceedEachOtherAreSurvived) {
  const uint64_t sub = python.AddInterpreter(1);
  python.AddThread("sub", sub).Enter().Call("job");
  python.memory().Put(python.main_interpreter() + python.layout().interpreter.next, sub);
  SampleWithin(200'000, uint64_t{1} << 30);
  EXPECT_LE(reader.samples().size(), 2u);
}

TEST_P(HostileTargetTest, AnInterpreterListThatLeadsIntoTheWildIsSurvived) {
  for (const uint64_t wild : {uint64_t{8}, uint64_t{0x7fffffffffff}, ~uint64_t{0}}) {
    python.memory().Put(python.main_interpreter() + python.layout().interpreter.next, wild);
    SampleWithin(kFew, kSome);
  }
}

TEST_P(HostileTargetTest, TwentyThousandThreadsAreListed) {
  for (int i = 0; i < 20'000; ++i) {
    // The list is linked by hand: AddThread links all of it each time.
    const uint64_t at = 0x7f7000000000 + static_cast<uint64_t>(i) * 512;
    python.memory().Map(at, 512);
    python.memory().Put(at + python.layout().thread.interp, python.main_interpreter());
    python.memory().Put(at + python.layout().thread.native_thread_id, static_cast<uint64_t>(i + 1));
    python.memory().Put(at + python.layout().thread.next, i == 0 ? main.state() : at - 512);
  }
  python.memory().Put(python.main_interpreter() + python.layout().interpreter.threads_head,
                      uint64_t{0x7f7000000000 + 19'999 * 512});
  reader.Sample();
  ASSERT_EQ(reader.samples().size(), 20'001u);
  python.memory().ResetCounts();
  reader.Sample();
  EXPECT_EQ(reader.samples().size(), 20'001u);
  EXPECT_EQ(python.memory().counts().reads, 1u);
}

// Code.

/// Memory that this process takes now.
uint64_t Resident() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t pages = 0;
  file >> size >> pages;
  return pages * 4096;
}

TEST(HostileCodeTest, LocationTablesThatSwellDoNotFillTheReadersMemory) {
  FakePython python(14);
  FakeReader reader(&python);
  FakeThread& main = python.AddThread("main").Enter();
  // One byte 0xff says "8 units without a location": 4 MiB of it are 32 million units.
  const uint64_t table = python.Bytes(std::string(4 << 20, '\xff'));
  for (int i = 0; i < 6; ++i) {
    const std::string name = std::string("swollen").append(std::to_string(i));
    python.memory().Put(python.Function(name) + python.layout().code.linetable, table);
    main.Call(name);
  }
  const uint64_t before = Resident();
  reader.Sample();
  EXPECT_LT(Resident() - before, 600u << 20);
  EXPECT_EQ(reader.Names(reader.samples()[0].stack).size(), 6u);
}

}  // namespace
}  // namespace pyprof::test
