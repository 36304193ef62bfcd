#include "test/fake/adversary.h"

#include <gtest/gtest.h>

#include <tuple>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

/// A target that changes under the reader's hands in ways that no Python would.
class AdversaryTest : public testing::TestWithParam<std::tuple<int, uint64_t>> {
 protected:
  void SetUp() override {
    python.AddThread("main").Enter().Call("<module>").Call("serve").Recurse("down", 170);
    FakeThread& worker = python.AddThread("worker").Enter().Call("run");
    worker.Resume(python.Generator("task")).Enter().Call("step").Resume(python.Generator("inner"));
    python.AddThread("native");
    python.AddThread("sub", python.AddInterpreter(1)).Enter().Call("job").Call("work");
  }
  uint64_t seed() const { return std::get<1>(GetParam()); }

  FakePython python{std::get<0>(GetParam())};
};

INSTANTIATE_TEST_SUITE_P(Python, AdversaryTest,
                         testing::Combine(testing::Values(13, 14, 15),
                                          testing::Range<uint64_t>(1, 13)),
                         [](const auto& info) {
                           return "v3_" + std::to_string(std::get<0>(info.param)) + "_seed" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST_P(AdversaryTest, EverySampleEndsWithinBoundsAndTheReaderRecovers) {
  const ReaderOptions options{.states = seed() % 3 == 0, .native_markers = seed() % 4 == 0};
  FakeReader reader(&python, seed() % 2 == 0 ? Motion::kStill : Motion::kPossible, options);
  FakeReader still(&python);
  const std::string truth = still.Picture();
  reader.Sample();
  Adversary adversary(&python, seed());
  adversary.Start(10);
  for (int i = 0; i < 500; ++i) {
    python.memory().ResetCounts();
    reader.Sample();
    ASSERT_LT(python.memory().counts().reads, 200'000u);
    ASSERT_LT(python.memory().counts().largest, uint64_t{1} << 30);
    ASSERT_LT(reader.samples().size(), 100u);
    for (const ThreadSample& sample : reader.samples()) {
      ASSERT_LT(reader.Names(sample.stack).size(), 10'000u);
      ASSERT_LE(sample.quality, Quality::kMissed);
      if (sample.quality == Quality::kMissed) {
        ASSERT_EQ(sample.stack, kNoStack);
        ASSERT_NE(sample.reason, Reason::kNone);
      }
    }
  }
  adversary.Stop();
  // What the adversary did, CPython could not have done without these.
  python.AdvanceGeneration();
  for (int i = 0; i < 3; ++i) still.Sample();
  ASSERT_EQ(still.Picture(), truth);
  for (int i = 0; i < 3; ++i) reader.Sample();
  for (const ThreadSample& sample : reader.samples()) EXPECT_LE(sample.quality, Quality::kRepaired);
  EXPECT_EQ(reader.samples().size(), still.samples().size());
}

}  // namespace
}  // namespace pyprof::test
