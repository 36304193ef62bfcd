#include "exec/script_request.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "exec/process_writer.h"
#include "memory/process_memory.h"
#include "test/fake/process.h"
#include "test/fake/python.h"

namespace pyprof {
namespace {

using test::FakeMemory;
using test::FakeProcess;
using test::FakePython;
using test::FakeThread;

constexpr uint8_t kBit = 0x20;
const std::string kPath = "/tmp/pyprof-1/gc.py";

/// Writes into a fake Python and keeps what was written.
class FakeWriter final : public RemoteWriter {
 public:
  struct Written {
    uint64_t address;
    std::string bytes;
  };

  explicit FakeWriter(FakePython* python) : python_(python) {}

  int Write(uint64_t address, const void* from, size_t size) override {
    if (error != 0 && written.size() == error_at) return error;
    written.push_back({address, std::string(static_cast<const char*>(from), size)});
    python_->memory().Write(address, from, size);
    if (after) after(written.size());
    return 0;
  }
  bool Gone() override { return gone; }

  std::vector<Written> written;
  int error = 0;
  /// How many writes come before the one that fails.
  size_t error_at = 0;
  bool gone = false;
  /// The target, running on; called with the number of writes so far.
  std::function<void(size_t)> after;

 private:
  FakePython* python_;
};

class ScriptRequestTest : public testing::TestWithParam<int> {
 protected:
  ScriptRequestTest() {
    main.Enter().Call("root").Call("leaf");
    python.memory().Put(python.main_interpreter() + debugger().remote_debugging_enabled,
                        int32_t{1});
  }

  const decltype(Layout::debugger)& debugger() const { return python.layout().debugger; }
  uint64_t PendingAt(const FakeThread& thread) const {
    return thread.state() + debugger().remote_debugger_support + debugger().pending_call;
  }
  uint64_t PathAt(const FakeThread& thread) const {
    return thread.state() + debugger().remote_debugger_support + debugger().script_path;
  }
  uint64_t BreakerAt(const FakeThread& thread) const {
    return thread.state() + debugger().eval_breaker;
  }
  int32_t Pending(const FakeThread& thread) {
    return python.memory().Get<int32_t>(PendingAt(thread));
  }
  uint64_t Breaker(const FakeThread& thread) {
    return python.memory().Get<uint64_t>(BreakerAt(thread));
  }
  /// What the target does at a safe point (`_PyRunRemoteDebugger`).
  void Take(const FakeThread& thread) {
    python.memory().Put(BreakerAt(thread), Breaker(thread) & ~uint64_t{0xff});
    python.memory().Put(PendingAt(thread), int32_t{0});
  }

  FakePython python{GetParam()};
  FakeThread& main = python.AddThread("main");
  FakeWriter writer{&python};
  ScriptRequest request{&python.memory(), &writer, python.runtime()};
};

INSTANTIATE_TEST_SUITE_P(Minors, ScriptRequestTest, testing::Values(14, 15));

TEST_P(ScriptRequestTest, WritesPathFlagAndBitInThisOrder) {
  python.memory().Put(BreakerAt(main), uint64_t{0x1234500});  // version of its instrumentation
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  ASSERT_EQ(writer.written.size(), 3u);
  EXPECT_EQ(writer.written[0].address, PathAt(main));
  EXPECT_EQ(writer.written[0].bytes, kPath + '\0');
  EXPECT_EQ(writer.written[1].address, PendingAt(main));
  EXPECT_EQ(writer.written[1].bytes, std::string("\1\0\0\0", 4));
  EXPECT_EQ(writer.written[2].address, BreakerAt(main));
  EXPECT_EQ(writer.written[2].bytes, std::string(1, kBit));
  EXPECT_EQ(Breaker(main), 0x1234520u);
  EXPECT_EQ(request.Look(), RequestState::kWaiting);
  EXPECT_EQ(writer.written.size(), 3u) << "looking writes nothing while the bit stands";
}

TEST_P(ScriptRequestTest, EventsThatAreSetAreNeverWrittenAgain) {
  // Any of them makes the thread look, and each may be cleared between our read and our write.
  for (const uint8_t events : {0x01, 0x02, 0x10, 0x3f}) {
    python.memory().Put(BreakerAt(main), uint64_t{0x700} | events);
    const size_t before = writer.written.size();
    ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
    EXPECT_EQ(writer.written.size(), before + 2) << "path and flag alone";
    EXPECT_EQ(Breaker(main), uint64_t{0x700} | events);
    EXPECT_EQ(request.Withdraw(), RequestState::kNone);
  }
}

TEST_P(ScriptRequestTest, ABitThatWentWithoutTheRequestIsSetAgain) {
  python.memory().Put(BreakerAt(main), uint64_t{1});
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  python.memory().Put(BreakerAt(main), uint64_t{0});
  EXPECT_EQ(request.Look(), RequestState::kWaiting);
  EXPECT_EQ(Breaker(main), kBit);
}

TEST_P(ScriptRequestTest, WhatTheTargetTookIsTaken) {
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  Take(main);
  EXPECT_EQ(request.Look(), RequestState::kTaken);
  EXPECT_EQ(request.Look(), RequestState::kNone) << "told once";
  EXPECT_EQ(writer.written.size(), 3u);
}

TEST_P(ScriptRequestTest, ATargetThatTakesItAtOnceIsAskedAllTheSame) {
  writer.after = [&](size_t writes) {
    if (writes == 2) Take(main);
  };
  EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  EXPECT_EQ(Pending(main), 0);
}

TEST_P(ScriptRequestTest, AWithdrawnRequestLeavesNoFlag) {
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  EXPECT_EQ(Pending(main), 1);
  EXPECT_EQ(request.Withdraw(), RequestState::kNone);
  EXPECT_EQ(Pending(main), 0);
  const size_t writes = writer.written.size();
  EXPECT_EQ(request.Withdraw(), RequestState::kNone);
  EXPECT_EQ(writer.written.size(), writes) << "there is nothing to withdraw any more";
}

TEST_P(ScriptRequestTest, WhatWasTakenCannotBeWithdrawn) {
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  Take(main);
  const size_t writes = writer.written.size();
  EXPECT_EQ(request.Withdraw(), RequestState::kTaken);
  EXPECT_EQ(writer.written.size(), writes);
}

TEST_P(ScriptRequestTest, WithdrawsWhenItDies) {
  {
    ScriptRequest dying(&python.memory(), &writer, python.runtime());
    ASSERT_EQ(dying.Ask(main.state(), kPath), AskStatus::kAsked);
    EXPECT_EQ(Pending(main), 1);
  }
  EXPECT_EQ(Pending(main), 0);
}

TEST_P(ScriptRequestTest, NothingIsWrittenToATargetThatHasItSwitchedOff) {
  for (const int32_t value : {0, -1, 7}) {
    python.memory().Put(python.main_interpreter() + debugger().remote_debugging_enabled, value);
    EXPECT_EQ(request.Switch(), ExecSwitch::kOff) << value;
    EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kOff) << value;
  }
  EXPECT_TRUE(writer.written.empty());
}

TEST_P(ScriptRequestTest, AnotherDebuggersRequestIsLeftAlone) {
  python.memory().Put(PendingAt(main), int32_t{1});
  python.memory().Write(PathAt(main), "/theirs");
  EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kBusy);
  EXPECT_TRUE(writer.written.empty());
  const auto threads = request.Threads();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_TRUE(threads[0].pending);
}

TEST_P(ScriptRequestTest, ARequestThatWasReplacedIsNotOursToWithdraw) {
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  python.memory().Write(PathAt(main), std::string_view("/theirs\0", 8));
  EXPECT_EQ(request.Withdraw(), RequestState::kReplaced);
  EXPECT_EQ(Pending(main), 1);
}

TEST_P(ScriptRequestTest, APathThatIsOverwrittenAtOnceIsNotAskedFor) {
  writer.after = [&](size_t writes) {
    if (writes == 1) python.memory().Write(PathAt(main), "/theirs");
  };
  EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kDisturbed);
  EXPECT_EQ(Pending(main), 0);
}

TEST_P(ScriptRequestTest, APathHasToFitWithItsNul) {
  const uint64_t size = request.path_size();
  EXPECT_EQ(size, 512u);
  EXPECT_EQ(request.Ask(main.state(), std::string(size, 'x')), AskStatus::kPathTooLong);
  EXPECT_EQ(request.Ask(main.state(), ""), AskStatus::kPathTooLong);
  EXPECT_TRUE(writer.written.empty());
  EXPECT_EQ(request.Ask(main.state(), std::string(size - 1, 'x')), AskStatus::kAsked);
}

TEST_P(ScriptRequestTest, OnlyThreadsOfTheMainInterpreterAreAsked) {
  const uint64_t newest = python.AddInterpreter(5);
  python.memory().Put(newest + debugger().remote_debugging_enabled, int32_t{1});
  const FakeThread& other = python.AddThread("other", newest);
  const FakeThread& second = python.AddThread("second");
  EXPECT_EQ(request.Switch(), ExecSwitch::kOn);
  std::vector<uint64_t> states;
  for (const ExecThread& thread : request.Threads()) {
    states.push_back(thread.state);
    EXPECT_EQ(thread.is_main, thread.state == main.state());
    EXPECT_EQ(thread.path_address,
              thread.state + debugger().remote_debugger_support + debugger().script_path);
  }
  EXPECT_EQ(states, (std::vector<uint64_t>{second.state(), main.state()}));
  EXPECT_EQ(request.Ask(other.state(), kPath), AskStatus::kNoThread);
  EXPECT_EQ(request.Ask(main.state() + 8, kPath), AskStatus::kNoThread);
  EXPECT_TRUE(writer.written.empty());
  EXPECT_EQ(request.Ask(second.state(), kPath), AskStatus::kAsked);
  EXPECT_EQ(Pending(second), 1);
  EXPECT_EQ(Pending(main), 0);
}

TEST_P(ScriptRequestTest, NothingIsWrittenToAThreadThatHasEnded) {
  FakeThread& second = python.AddThread("second");
  ASSERT_EQ(request.Ask(second.state(), kPath), AskStatus::kAsked);
  const uint64_t state = second.state();
  const size_t writes = writer.written.size();
  python.RemoveThread(second);
  python.memory().Map(state, FakeMemory::kPage);  // its memory serves something else now
  EXPECT_EQ(request.Look(), RequestState::kGone);
  EXPECT_EQ(request.Withdraw(), RequestState::kNone);
  EXPECT_EQ(request.Ask(state, kPath), AskStatus::kNoThread);
  EXPECT_EQ(writer.written.size(), writes);
}

TEST_P(ScriptRequestTest, AThreadThatEndsAfterThePathWasWrittenGetsNoFlag) {
  FakeThread& second = python.AddThread("second");
  const uint64_t state = second.state();
  writer.after = [&](size_t) {
    python.RemoveThread(second);
    python.memory().Map(state, FakeMemory::kPage);
  };
  EXPECT_EQ(request.Ask(state, kPath), AskStatus::kNoThread);
  EXPECT_EQ(writer.written.size(), 1u);
}

TEST_P(ScriptRequestTest, NothingIsWrittenOnceTheProcessIsGone) {
  ASSERT_EQ(request.Ask(main.state(), kPath), AskStatus::kAsked);
  const size_t writes = writer.written.size();
  writer.gone = true;
  EXPECT_EQ(request.Withdraw(), RequestState::kGone);
  EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kNoThread);
  EXPECT_EQ(writer.written.size(), writes);
}

TEST_P(ScriptRequestTest, ARefusedWriteIsTold) {
  for (const size_t at : {0u, 1u}) {
    writer.written.clear();
    writer.error = EPERM;
    writer.error_at = at;
    EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kWriteFailed) << at;
    EXPECT_EQ(request.error(), EPERM);
    EXPECT_EQ(Pending(main), 0);
  }
}

TEST_P(ScriptRequestTest, OffsetsThatLeaveTheThreadStateAreNotUsed) {
  const auto published = [&](const std::function<void(Layout&)>& damage) {
    Runtime runtime = python.runtime();
    damage(runtime.layout);
    ScriptRequest other(&python.memory(), &writer, runtime);
    EXPECT_NE(other.Ask(main.state(), kPath), AskStatus::kAsked);
    EXPECT_TRUE(writer.written.empty());
    return other.Switch() != ExecSwitch::kUnpublished;
  };
  EXPECT_FALSE(published([](Layout& l) { l.debugger.script_path = l.thread.size; }));
  EXPECT_FALSE(published([](Layout& l) { l.debugger.script_path_size = l.thread.size; }));
  EXPECT_FALSE(published([](Layout& l) { l.debugger.pending_call = l.thread.size - 4; }));
  EXPECT_FALSE(published([](Layout& l) { l.debugger.pending_call = 8; })) << "inside of the path";
  EXPECT_FALSE(published([](Layout& l) { l.debugger.eval_breaker = l.thread.size - 4; }));
  EXPECT_FALSE(published([](Layout& l) { l.interpreter.threads_main = 0; }));
}

TEST_P(ScriptRequestTest, AListThatGoesInACircleEnds) {
  const FakeThread& second = python.AddThread("second");
  python.memory().Put(main.state() + python.layout().thread.next, second.state());
  EXPECT_EQ(request.Threads().size(), 2u);
  const uint64_t interpreter = python.main_interpreter();
  python.memory().Put(interpreter + python.layout().interpreter.id, int64_t{3});
  python.memory().Put(interpreter + python.layout().interpreter.next, interpreter);
  EXPECT_EQ(request.Switch(), ExecSwitch::kUnreadable);
  EXPECT_TRUE(request.Threads().empty());
}

TEST(ScriptRequest, Python313HasNoSuchInterface) {
  FakePython python(13);
  FakeThread& main = python.AddThread("main");
  FakeWriter writer(&python);
  ScriptRequest request(&python.memory(), &writer, python.runtime());
  EXPECT_EQ(request.Switch(), ExecSwitch::kUnpublished);
  EXPECT_EQ(request.path_size(), 0u);
  EXPECT_TRUE(request.Threads().empty());
  EXPECT_EQ(request.Ask(main.state(), kPath), AskStatus::kOff);
  EXPECT_TRUE(writer.written.empty());
}

TEST(ProcessWriter, WritesWhereItMayAndNowhereElse) {
  constexpr uint64_t kAt = 0x500000000000;
  FakeMemory memory;
  memory.Map(kAt, FakeMemory::kPage);
  FakeProcess process(memory);
  ASSERT_TRUE(process.ready());
  ProcessWriter writer(process.pid());
  const uint32_t value = 0x12345678;
  EXPECT_EQ(writer.Write(kAt + 16, &value, sizeof(value)), 0);
  uint32_t there = 0;
  ProcessMemory reader(process.pid());
  EXPECT_TRUE(reader.ReadValue(kAt + 16, &there));
  EXPECT_EQ(there, value);
  // Code of the test program, which the child has too: not writable.
  EXPECT_EQ(writer.Write(reinterpret_cast<uint64_t>(&open), &value, sizeof(value)), EFAULT);
  EXPECT_EQ(writer.Write(16, &value, sizeof(value)), EFAULT);
  EXPECT_FALSE(writer.Gone());
  process.Kill();
  process.Reap();
  EXPECT_TRUE(writer.Gone());
  EXPECT_EQ(writer.Write(kAt + 16, &value, sizeof(value)), ESRCH);
}

}  // namespace
}  // namespace pyprof
