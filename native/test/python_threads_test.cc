#include "stack/python_threads.h"

#include <gtest/gtest.h>

#include <string>

#include "test/fake/adversary.h"
#include "test/fake/python.h"
#include "test/fake/threading.h"

namespace pyprof::test {
namespace {

class PythonThreadsTest : public testing::TestWithParam<int> {
 protected:
  /// `name python_id/native_id`, with `*` behind the main thread's name, one line a thread.
  std::string Read() {
    std::string text;
    for (const PythonThread& thread : threads.Read()) {
      if (!text.empty()) text += "\n";
      text += thread.name;
      if (thread.is_main) text += "*";
      text.append(" ").append(std::to_string(thread.python_id));
      text.append("/").append(std::to_string(thread.native_id));
    }
    return text;
  }

  FakePython python{GetParam()};
  FakeThreading threading{&python};
  PythonThreads threads{&python.memory(), python.runtime()};
};

INSTANTIATE_TEST_SUITE_P(Python, PythonThreadsTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(PythonThreadsTest, ReadsNamesAndIds) {
  threading.Register(0x7f0000001000, 4711, U"MainThread", true);
  threading.Register(0x7f0000002000, 4712, U"Thread-1 (run)");
  EXPECT_EQ(Read(), "MainThread* 139637976731648/4711\nThread-1 (run) 139637976735744/4712");
}

TEST_P(PythonThreadsTest, ReadsNamesOfEveryKind) {
  threading.Register(1, 1, U"\u00e9t\u00e9");
  threading.Register(2, 2, U"\u4e2d\u6587");
  threading.Register(3, 3, U"\U0001f40d");
  EXPECT_EQ(Read(), "\u00e9t\u00e9 1/1\n\u4e2d\u6587 2/2\n\U0001f40d 3/3");
}

TEST_P(PythonThreadsTest, ReadsAttributesThatMovedToADict) {
  const uint64_t thread = threading.Register(1, 1, U"worker");
  threading.Materialize(thread);
  EXPECT_EQ(Read(), "worker 1/1");
}

TEST_P(PythonThreadsTest, SeesThreadsComeGoAndChangeTheirNames) {
  const uint64_t first = threading.Register(1, 1, U"first");
  EXPECT_EQ(Read(), "first 1/1");
  threading.Register(2, 2, U"second");
  EXPECT_EQ(Read(), "first 1/1\nsecond 2/2");
  python.memory().Put(threading.NameSlot(first), python.Str("renamed"));
  EXPECT_EQ(Read(), "renamed 1/1\nsecond 2/2");
  threading.Unregister(first);
  EXPECT_EQ(Read(), "second 2/2");
}

TEST_P(PythonThreadsTest, ReadsEveryInterpreter) {
  threading.Register(1, 1, U"main", true);
  FakeThreading other(&python, python.AddInterpreter(1));
  other.Register(2, 2, U"sub");
  EXPECT_EQ(Read(), "main* 1/1\nsub 2/2");
}

TEST_P(PythonThreadsTest, AnInterpreterThatHasNotImportedThreadingHasNone) {
  python.memory().Put(python.main_interpreter() + python.layout().interpreter.imports_modules,
                      uint64_t{0});
  EXPECT_EQ(Read(), "");
}

TEST_P(PythonThreadsTest, AThreadThatIsNotWhatItsKeySaysIsLeftOut) {
  const uint64_t thread = threading.Register(1, 1, U"one");
  threading.Register(2, 2, U"two");
  python.memory().Put(threading.IdentSlot(thread), threading.Int(3));
  EXPECT_EQ(Read(), "two 2/2");
}

TEST_P(PythonThreadsTest, AThreadThatHasNotStartedIsLeftOut) {
  const uint64_t thread = threading.Register(1, 1, U"one");
  python.memory().Put(threading.IdentSlot(thread), python.none());
  EXPECT_EQ(Read(), "");
}

TEST_P(PythonThreadsTest, ANameThatIsNoStrLeavesTheThreadOut) {
  const uint64_t thread = threading.Register(1, 1, U"one");
  for (const uint64_t name : {python.none(), uint64_t{0}, uint64_t{8}, threading.Int(7)}) {
    python.memory().Put(threading.NameSlot(thread), name);
    EXPECT_EQ(Read(), "") << name;
  }
}

TEST_P(PythonThreadsTest, ANameThatChangesWhileItIsReadIsNeverAMixture) {
  const uint64_t thread = threading.Register(1, 1, U"before");
  ASSERT_EQ(Read(), "before 1/1");
  const uint64_t names[] = {python.Str("before"), python.Str("after!")};
  uint64_t ranges = 0;
  python.memory().OnRange(
      [&](uint64_t) { python.memory().Put(threading.NameSlot(thread), names[++ranges % 2]); });
  for (int i = 0; i < 20; ++i) {
    const std::string got = Read();
    EXPECT_TRUE(got == "" || got == "before 1/1" || got == "after! 1/1") << got;
  }
}

TEST_P(PythonThreadsTest, ManyThreadsTakeFewReads) {
  for (uint64_t i = 0; i < 40; ++i) threading.Register(1000 + i, 1000 + i, U"worker");
  Read();
  python.memory().ResetCounts();
  EXPECT_EQ(threads.Read().size(), 40u);
  EXPECT_LT(python.memory().counts().reads, 100u);
}

TEST_P(PythonThreadsTest, AnInterpreterListThatLoopsEnds) {
  threading.Register(1, 1, U"one");
  const uint64_t interpreter = python.main_interpreter();
  python.memory().Put(interpreter + python.layout().interpreter.next, interpreter);
  EXPECT_EQ(Read(), "one 1/1");
}

TEST_P(PythonThreadsTest, AMemoryThatChangesAllTheTimeIsSurvived) {
  threading.Register(1, 1, U"main", true);
  for (uint64_t i = 2; i < 12; ++i) threading.Register(i, i, U"worker");
  threading.Materialize(threading.Register(20, 20, U"dict"));
  const std::string truth = Read();
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Adversary adversary(&python, seed);
    adversary.Start(20);
    for (int i = 0; i < 100; ++i) {
      python.memory().ResetCounts();
      EXPECT_LE(threads.Read().size(), 200'000u);
      EXPECT_LT(python.memory().counts().largest, uint64_t{1} << 28);
      EXPECT_LT(python.memory().counts().reads, 10'000u);
    }
    adversary.Stop();
    EXPECT_EQ(Read(), truth) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pyprof::test
