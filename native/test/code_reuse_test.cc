#include <gtest/gtest.h>

#include "stack/stack_reader.h"
#include "test/fake/python.h"
#include "test/fake/reader.h"

namespace pyprof::test {
namespace {

// Code objects are freed and others come to stand at their addresses; no stack may show a name
// that was not the one of its frame.

/// What stands at the end of the fake's memory can only be read in parts.
constexpr size_t kRoom = 4096;

class CodeReuseTest : public testing::TestWithParam<int> {
 protected:
  FakePython python{GetParam()};
  FakeReader reader{&python};
  FakeThread& main = python.AddThread("main").Enter().Call("a").Call("b");
  const uint64_t a = python.Function("a");
  const uint64_t b = python.Function("b");
};

class CodeGenerationTest : public CodeReuseTest {};

const auto kName = [](const auto& minor) { return "v3_" + std::to_string(minor.param); };
INSTANTIATE_TEST_SUITE_P(Python, CodeReuseTest, testing::Values(13, 14, 15), kName);
INSTANTIATE_TEST_SUITE_P(Python, CodeGenerationTest, testing::Values(14, 15), kName);

TEST_P(CodeReuseTest, ACodeObjectAtTheAddressOfAnotherGetsItsOwnName) {
  ASSERT_EQ(reader.Picture(), "main*: a b");
  main.Return();
  python.Replace(b, "other");
  python.AdvanceGeneration();
  main.Call("b");
  EXPECT_EQ(reader.Picture(), "main*: a other");
}

TEST_P(CodeReuseTest, AReplacedCallerGetsItsOwnNameUnderAnUnchangedLeaf) {
  ASSERT_EQ(reader.Picture(), "main*: a b");
  python.Replace(a, "other");
  python.AdvanceGeneration();
  EXPECT_EQ(reader.Picture(), "main*: other b");
}

TEST_P(CodeReuseTest, AReplacementWithFramesOfAnotherSizeIsReadWhole) {
  // A deep stack first, which teaches that frame sizes can be trusted.
  python.AddThread("deep").Enter().Recurse("down", 100);
  main.Call("c");
  reader.Sample();
  main.Return().Return();
  reader.Sample();
  python.Replace(b, "other", {.locals = 9});
  python.AdvanceGeneration();
  main.Call("b").Call("c");
  const std::string picture = reader.Picture();
  EXPECT_EQ(picture.substr(picture.find('\n') + 1), "main*: a other c");
}

TEST_P(CodeReuseTest, TheSameFunctionCompiledAgainKeepsItsLines) {
  python.Replace(b, "b", {.first_line = 10});
  ASSERT_EQ(reader.PictureWithLines(), "main*: a:101 b:11");
  python.Replace(b, "b", {.first_line = 30});
  python.AdvanceGeneration();
  EXPECT_EQ(reader.PictureWithLines(), "main*: a:101 b:31");
}

TEST_P(CodeReuseTest, AReplacementIsSeenInEveryThread) {
  python.AddThread("worker").Enter().Call("b");
  ASSERT_EQ(reader.Picture(), "worker: b\nmain*: a b");
  python.Replace(b, "other");
  python.AdvanceGeneration();
  python.GiveGil(python.AddThread("killer"));
  EXPECT_EQ(reader.Picture(), "killer:\nworker: other\nmain*: a other");
}

TEST_P(CodeReuseTest, AFrameWhoseCodeWasFreedHasNoName) {
  ASSERT_EQ(reader.Picture(), "main*: a b");
  python.Free(b);
  python.AdvanceGeneration();
  const std::string picture = reader.Picture();
  EXPECT_NE(reader.samples()[0].quality, Quality::kExact) << picture;
  EXPECT_EQ(picture.find(" b"), std::string::npos) << picture;
}

TEST_P(CodeReuseTest, OtherCodeThatWasFreedChangesNothing) {
  ASSERT_EQ(reader.Picture(), "main*: a b");
  python.AdvanceGeneration();
  EXPECT_EQ(reader.Picture(), "main*: a b");
}

TEST_P(CodeGenerationTest, KnownNamesTakeNoReadWhileTheGenerationStands) {
  for (int i = 0; i < 3; ++i) reader.Sample();
  EXPECT_EQ(reader.ReadsOfSample(), 1u);
  python.AdvanceGeneration();
  EXPECT_EQ(reader.ReadsOfSample(), 2u) << "the identity of the stack's code objects";
  EXPECT_EQ(reader.ReadsOfSample(), 1u);
}

TEST_P(CodeGenerationTest, ANameReadAfterSomethingWasFreedIsNotTrusted) {
  for (int i = 0; i < 3; ++i) reader.Sample();
  main.Call("c");
  // The snapshot shows c; then c ends and is freed, and its name is read from what comes after.
  uint64_t first = ~uint64_t{0};
  const uint64_t c = python.Function("c");
  bool done = false;
  python.memory().OnRange([&](uint64_t range) {
    if (first == ~uint64_t{0}) first = range;
    if (done || range < first + 6) return;
    done = true;
    python.Replace(c, "imposter");
    python.AdvanceGeneration();
  });
  EXPECT_EQ(reader.Picture(), "main* [partial freed code]: a b <freed code>");
  ASSERT_TRUE(done);
  EXPECT_EQ(reader.Picture(), "main*: a b imposter");
}

TEST(CodeGeneration, ANameReadAfterSomethingWasFreedIsNotTrustedWheneverThatWas) {
  int freed = 0;
  for (const int minor : {14, 15}) {
    // From the range behind the one that tells what was freed before.
    for (uint64_t when = 1; when < 24; ++when) {
      FakePython python{minor};
      FakeReader reader{&python};
      FakeThread& main = python.AddThread("main").Enter().Call("a").Call("b");
      for (int i = 0; i < 3; ++i) reader.Sample();
      main.Call("c");
      const uint64_t c = python.Function("c");
      uint64_t ranges = 0;
      python.memory().OnRange([&](uint64_t) {
        if (ranges++ != when) return;
        python.Replace(c, "imposter");
        python.AdvanceGeneration();
      });
      const std::string picture = reader.Picture();
      if (ranges <= when) continue;
      ++freed;
      EXPECT_EQ(picture, "main* [partial freed code]: a b <freed code>") << when;
      EXPECT_EQ(reader.Picture(), "main*: a b imposter") << when;
    }
  }
  EXPECT_GT(freed, 10);
}

TEST_P(CodeGenerationTest, NothingIsReadAfterANameAndWhetherItCanBeTrusted) {
  for (int i = 0; i < 3; ++i) reader.Sample();
  main.Call("c");
  EXPECT_EQ(reader.ReadsOfSample(), 3u) << "the snapshot, the code object, its names";
  EXPECT_EQ(reader.Picture(), "main*: a b c");
}

TEST_P(CodeGenerationTest, ManyNewNamesTakeAsManyReadsAsOne) {
  // Twenty of one function teach that frame sizes can be trusted, so that the walk asks for them.
  for (int i = 0; i < 20; ++i) main.Call("b");
  for (int i = 0; i < 3; ++i) reader.Sample();
  for (int i = 0; i < 20; ++i) main.Return();
  const std::vector<std::string> names = {"c", "d", "e", "f", "g"};
  for (const std::string& name : names) main.Call(name);
  python.AdvanceGeneration();
  EXPECT_EQ(reader.ReadsOfSample(), 3u) << "the snapshot, the code objects, their names";
  for (const std::string& name : names) python.Replace(python.Function(name), "other " + name);
  python.Allocate(kRoom);
  python.AdvanceGeneration();
  EXPECT_EQ(reader.ReadsOfSample(), 3u);
  EXPECT_EQ(reader.Picture(), "main*: a b other c other d other e other f other g");
}

TEST_P(CodeReuseTest, TheGlueFrameOfAnInlinedInitIsHidden) {
  // _Py_InitCleanup has one str for file and name, and no line.
  python.Function("__init__glue", {.lines = 2, .location_table = "\xf9"});
  const uint64_t glue = python.Function("__init__glue");
  python.memory().Put(glue + python.layout().code.filename,
                      python.memory().Get<uint64_t>(glue + python.layout().code.qualname));
  main.Call("__init__glue").Call("__init__");
  EXPECT_EQ(reader.Picture(), "main*: a b __init__");
  EXPECT_EQ(reader.Picture(), "main*: a b __init__");
}

}  // namespace
}  // namespace pyprof::test
