#include "stack/thread_state.h"

#include <gtest/gtest.h>

#include "stack/stack_reader.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

/// Reads a fake Python with the states of its threads, and draws them.
class States {
 public:
  explicit States(FakePython* python, ReaderOptions options = {.states = true})
      : python_(python),
        reader_(&python->memory(), python->runtime(), FakePython::kFirstNativeId, &tables_,
                options) {}

  /// `name: gil gc; root leaf` a line a thread.
  std::string Picture() {
    EXPECT_EQ(reader_.Sample(Motion::kStill), SampleStatus::kOk);
    tables_.TakeNew(&rows_);
    std::string text;
    for (const ThreadSample& sample : reader_.samples()) {
      if (!text.empty()) text += "\n";
      text.append(python_->ThreadName(sample.native_id)).append(":");
      if ((sample.state & kHoldsGil) != 0) text += " gil";
      if ((sample.state & kCollects) != 0) text += " gc";
      if ((sample.state & kHandlesException) != 0) text += " exception";
      text.append(";").append(Frames(sample.stack));
    }
    return text;
  }
  StackReader& reader() { return reader_; }

 private:
  std::string Frames(int32_t stack) {
    std::string frames;
    while (stack != kNoStack) {
      const StackRow& row = rows_.stacks.at(static_cast<size_t>(stack));
      const FrameRow& frame = rows_.frames.at(static_cast<size_t>(row.frame));
      const FunctionRow& function = rows_.functions.at(static_cast<size_t>(frame.function));
      frames = " " + rows_.strings.at(static_cast<size_t>(function.qualname)) + frames;
      stack = row.parent;
    }
    return frames;
  }

  FakePython* python_;
  Tables tables_;
  NewRows rows_;
  StackReader reader_;
};

class ThreadStateTest : public testing::TestWithParam<int> {
 protected:
  bool is_15() const { return GetParam() == 15; }
  /// The words of 3.15 beside the GIL's own.
  void HoldGil(const FakeThread& thread, bool holds) {
    const Layout& layout = python.layout();
    if (is_15()) {
      python.memory().Put<int32_t>(thread.state() + layout.thread.holds_gil, holds ? 1 : 0);
    }
    if (holds) python.GiveGil(thread);
    const uint64_t locked = python.main_interpreter() + layout.interpreter.gil_locked;
    python.memory().Put<int32_t>(locked, holds ? 1 : 0);
  }
  void Collect(bool works, uint64_t frame = 0) {
    const Layout& layout = python.layout();
    const uint64_t gc = python.main_interpreter() + layout.interpreter.gc;
    python.memory().Put<int32_t>(gc + layout.gc.collecting, works ? 1 : 0);
    if (layout.gc.frame != 0) python.memory().Put(gc + layout.gc.frame, frame);
  }

  FakePython python{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Python, ThreadStateTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(ThreadStateTest, SaysWhatTheVersionPublishes) {
  python.AddThread("main").Enter().Call("a");
  EXPECT_EQ(States(&python).reader().known_states(),
            kHoldsGil | kCollects | (is_15() ? kHandlesException : 0));
  EXPECT_EQ(States(&python, {}).reader().known_states(), 0);
}

TEST_P(ThreadStateTest, TellsWhoHoldsTheGil) {
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  FakeThread& other = python.AddThread("other").Enter().Call("b");
  States states(&python);
  HoldGil(main, true);
  EXPECT_EQ(states.Picture(), "other:; b\nmain: gil; a");
  HoldGil(main, false);
  EXPECT_EQ(states.Picture(), "other:; b\nmain:; a");
  HoldGil(other, true);
  EXPECT_EQ(states.Picture(), "other: gil; b\nmain:; a");
  EXPECT_EQ(states.Picture(), "other: gil; b\nmain:; a");
}

TEST_P(ThreadStateTest, TellsNothingWhenItIsNotAskedTo) {
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  HoldGil(main, true);
  Collect(true, main.leaf());
  States states(&python, {});
  EXPECT_EQ(states.Picture(), "main:; a");
}

TEST_P(ThreadStateTest, MarksTheFrameInWhichTheCollectorRuns) {
  FakeThread& main = python.AddThread("main").Enter().Call("a").Call("b");
  HoldGil(main, true);
  States states(&python);
  EXPECT_EQ(states.Picture(), "main: gil; a b");
  Collect(true, main.leaf());
  EXPECT_EQ(states.Picture(), "main: gil gc; a b <GC>");
  EXPECT_EQ(states.Picture(), "main: gil gc; a b <GC>");
  Collect(false);
  EXPECT_EQ(states.Picture(), "main: gil; a b");
  main.Return();
  Collect(true, main.leaf());
  EXPECT_EQ(states.Picture(), "main: gil gc; a <GC>");
}

TEST_P(ThreadStateTest, DoesNotTakeAFinaliserForTheFrameThatIsCollected) {
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  HoldGil(main, true);
  States states(&python);
  Collect(false);
  EXPECT_EQ(states.Picture(), "main: gil; a");
  Collect(true, main.leaf());
  main.Enter().Call("__del__");
  EXPECT_EQ(states.Picture(), is_15() ? "main: gil gc; a <GC> __del__" : "main: gil gc; a __del__");
  main.Return().Return();
  EXPECT_EQ(states.Picture(), "main: gil gc; a <GC>");
}

TEST_P(ThreadStateTest, MarksAFrameThatCCodeCalledBeforeTheCollection) {
  FakeThread& main = python.AddThread("main").Enter().Call("a").Enter().Call("key");
  HoldGil(main, true);
  States states(&python);
  EXPECT_EQ(states.Picture(), "main: gil; a key");
  Collect(true, main.leaf());
  EXPECT_EQ(states.Picture(), "main: gil gc; a key <GC>");
}

TEST_P(ThreadStateTest, OnlyTheCollectingThreadCollects) {
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  python.AddThread("other").Enter().Call("b");
  HoldGil(main, true);
  Collect(true, main.leaf());
  States states(&python);
  EXPECT_EQ(states.Picture(), "other:; b\nmain: gil gc; a <GC>");
  EXPECT_EQ(states.Picture(), "other:; b\nmain: gil gc; a <GC>");
}

TEST_P(ThreadStateTest, MarksWhereCCodeCallsPython) {
  python.AddThread("main").Enter().Call("a").Enter().Call("key").Call("b").Enter().Call("c");
  States states(&python, {.native_markers = true});
  EXPECT_EQ(states.Picture(), "main:; a <native> key b <native> c");
  EXPECT_EQ(states.Picture(), "main:; a <native> key b <native> c");
}

/// Only 3.15 publishes what a thread handles.
class ExceptionStateTest : public testing::Test {
 protected:
  void Put(uint64_t offset, uint64_t value) { python.memory().Put(main.state() + offset, value); }
  const Layout& layout() const { return python.layout(); }
  uint64_t own_item() const { return main.state() + layout().thread.exc_state; }
  uint64_t exc_info() const { return layout().thread.current_exception + 8; }

  FakePython python{15};
  FakeThread& main = python.AddThread("main").Enter().Call("a");
  FakeGenerator generator = python.Generator("gen");
  uint64_t generator_item = generator.frame - 32;
  uint64_t exception = python.Allocate(64);
  States states{&python};
};

TEST_F(ExceptionStateTest, NothingIsHandled) {
  Put(exc_info(), own_item());
  EXPECT_EQ(states.Picture(), "main:; a");
}

TEST_F(ExceptionStateTest, AnExceptionIsRaised) {
  Put(exc_info(), own_item());
  Put(layout().thread.current_exception, exception);
  EXPECT_EQ(states.Picture(), "main: exception; a");
}

TEST_F(ExceptionStateTest, AnExceptionIsHandled) {
  Put(exc_info(), own_item());
  Put(layout().thread.exc_state, exception);
  EXPECT_EQ(states.Picture(), "main: exception; a");
}

TEST_F(ExceptionStateTest, AGeneratorHandlesAnException) {
  main.Resume(generator);
  Put(exc_info(), generator_item);
  python.memory().Put(generator_item + 8, own_item());
  EXPECT_EQ(states.Picture(), "main:; a gen");
  python.memory().Put(generator_item, exception);
  EXPECT_EQ(states.Picture(), "main: exception; a gen");
}

TEST_F(ExceptionStateTest, AGeneratorRunsWhileItsCallerHandlesAnException) {
  main.Resume(generator);
  Put(exc_info(), generator_item);
  python.memory().Put(generator_item + 8, own_item());
  Put(layout().thread.exc_state, exception);
  EXPECT_EQ(states.Picture(), "main: exception; a gen");
}

TEST_F(ExceptionStateTest, CostsNoReadForAGeneratorThatIsInThePlan) {
  main.Resume(generator);
  Put(exc_info(), generator_item);
  python.memory().Put(generator_item + 8, own_item());
  states.Picture();
  states.Picture();
  python.memory().ResetCounts();
  states.Picture();
  EXPECT_EQ(python.memory().counts().reads, 1);
}

TEST_F(ExceptionStateTest, AnItemThatDoesNotLeadToTheThreadsOwnIsNotBelieved) {
  Put(exc_info(), exception);
  python.memory().Put(exception, exception);
  python.memory().Put(exception + 8, exception);  // loops
  EXPECT_EQ(states.Picture(), "main:; a");
  Put(exc_info(), 0x10);  // not mapped
  EXPECT_EQ(states.Picture(), "main:; a");
  Put(exc_info(), 0);
  EXPECT_EQ(states.Picture(), "main:; a");
}

}  // namespace
}  // namespace pyprof::test
