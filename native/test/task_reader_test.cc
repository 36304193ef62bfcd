#include "asyncio/task_reader.h"

#include <gtest/gtest.h>

#include <tuple>

#include "test/fake/adversary.h"
#include "test/fake/asyncio.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

/// A loop in the main thread: what is below any task.
class TaskReaderTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { main.Enter().Call("<module>").Call("run_forever").Call("Handle._run"); }

  /// The thread runs the task, whose coroutine is on its stack.
  FakeThread& Run(uint64_t task, const FakeGenerator& coroutine) {
    asyncio.SetRunning(main, task);
    asyncio.SetExecuting(coroutine);
    return main.Resume(coroutine);
  }

  FakePython python{GetParam()};
  FakeAsyncio asyncio{&python};
  FakeThread& main{python.AddThread("main")};
  FakeTaskReader running{&python, asyncio, TaskScope::kRunning};
  FakeTaskReader all{&python, asyncio, TaskScope::kAll};
};

INSTANTIATE_TEST_SUITE_P(Python, TaskReaderTest, testing::Values(14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(TaskReaderTest, AThreadThatRunsNoTaskIsShownAsItIs) {
  EXPECT_EQ(running.Picture(), "main: <module> run_forever Handle._run");
  EXPECT_FALSE(running.tasks().loop_seen());
  asyncio.SetRunning(main, 0);
  EXPECT_EQ(running.Picture(), "main: <module> run_forever Handle._run");
  EXPECT_TRUE(running.tasks().loop_seen());
}

TEST_P(TaskReaderTest, ARunningTaskBeginsAtItsOwnCoroutine) {
  const FakeGenerator serve = asyncio.Coroutine("serve");
  const uint64_t task = asyncio.Task(serve, "server");
  Run(task, serve).Resume(asyncio.Coroutine("fetch")).Call("parse", 3);
  EXPECT_EQ(running.Picture(), "main: <task server> serve fetch parse");
  main.Return();
  EXPECT_EQ(running.Picture(), "main: <task server> serve fetch");
}

TEST_P(TaskReaderTest, TasksThatAwaitItStandBelowItOutermostFirst) {
  const FakeGenerator outer = asyncio.Coroutine("outer");
  const FakeGenerator group = asyncio.Coroutine("__aexit__");
  const FakeGenerator middle = asyncio.Coroutine("middle");
  const FakeGenerator inner = asyncio.Coroutine("inner");
  const uint64_t a = asyncio.Task(outer, "a");
  const uint64_t b = asyncio.Task(middle, "b");
  const uint64_t c = asyncio.Task(inner, "c");
  asyncio.Suspend(outer, group.object, 2);
  asyncio.Suspend(group, asyncio.Future(), 4);
  asyncio.Suspend(middle, asyncio.Future(), 5);
  asyncio.SetAwaiter(c, b);
  asyncio.SetAwaiter(b, a);
  Run(c, inner).Call("work", 3);
  EXPECT_EQ(running.Picture(),
            "main: <task a> outer __aexit__ <task b> middle <task c> inner work");
}

TEST_P(TaskReaderTest, EachFrameOfAnAwaiterHasTheLineOfItsAwait) {
  python.Function("outer", {.first_line = 10});
  python.Function("inner", {.first_line = 50});
  python.Function("run", {.first_line = 90});
  const FakeGenerator outer = asyncio.Coroutine("outer");
  const FakeGenerator inner = asyncio.Coroutine("inner");
  const FakeGenerator run = asyncio.Coroutine("run");
  asyncio.Suspend(outer, inner.object, 2);
  asyncio.Suspend(inner, asyncio.Future(), 4);
  const uint64_t task = asyncio.Task(run, "r");
  asyncio.SetAwaiter(task, asyncio.Task(outer, "o"));
  Run(task, run);
  EXPECT_EQ(running.PictureWithLines(), "main: <task o> outer:12 inner:54 <task r> run:91");
}

TEST_P(TaskReaderTest, ASetOfAwaitersCountsTheTasksInIt) {
  const FakeGenerator one = asyncio.Coroutine("one");
  const FakeGenerator work = asyncio.Coroutine("work");
  asyncio.Suspend(one, asyncio.Future());
  const uint64_t awaiter = asyncio.Task(one, "one");
  const uint64_t task = asyncio.Task(work, "w");
  Run(task, work);
  asyncio.SetAwaiters(task, {0, 1, awaiter, 1, asyncio.Future()});
  EXPECT_EQ(running.Picture(), "main: <task one> one <task w> work");
  const uint64_t other = asyncio.Task(asyncio.Coroutine("two"), "two");
  asyncio.SetAwaiters(task, {other, 0, awaiter});
  EXPECT_EQ(running.Picture(), "main: <several awaiters> <task w> work");
  asyncio.SetAwaiters(task, {asyncio.Future(), asyncio.Future()});
  EXPECT_EQ(running.Picture(), "main: <task w> work");
  asyncio.SetAwaiter(task, asyncio.Future());
  EXPECT_EQ(running.Picture(), "main: <task w> work");
}

TEST_P(TaskReaderTest, AnAwaiterThatCannotBeReadIsNotMadeUp) {
  const FakeGenerator work = asyncio.Coroutine("work");
  const uint64_t task = asyncio.Task(work, "w");
  Run(task, work);
  asyncio.SetAwaiter(task, 0xdead0000);
  EXPECT_EQ(running.Picture(), "main [partial unreadable]: <truncated> <task w> work");
  // Of another class than asyncio's, though it says that it is a task.
  const uint64_t impostor =
      asyncio.TaskOfClass(asyncio.Subclass("Task", 0), work.object, python.none());
  asyncio.SetAwaiter(task, impostor);
  EXPECT_EQ(running.Picture(), "main [partial unreadable]: <truncated> <task w> work");
}

TEST_P(TaskReaderTest, AnAwaiterThatRunsIsKnownByItsMarkerAlone) {
  FakeThread& other = python.AddThread("other").Enter().Call("run");
  const FakeGenerator parent = asyncio.Coroutine("parent");
  const FakeGenerator child = asyncio.Coroutine("child");
  const uint64_t parent_task = asyncio.Task(parent, "parent");
  const uint64_t child_task = asyncio.Task(child, "child");
  asyncio.SetAwaiter(child_task, parent_task);
  asyncio.SetRunning(other, parent_task);
  asyncio.SetExecuting(parent);
  other.Resume(parent).Call("prepare");
  asyncio.Yield(child);
  asyncio.List(main, child_task);
  EXPECT_EQ(all.Picture(),
            "other: <task parent> parent prepare\nmain: <module> run_forever Handle._run\n"
            "waiting in main: <task parent> <task child> child");
}

TEST_P(TaskReaderTest, FollowsWhatACoroutineAwaitsThroughEveryKindOfWrapper) {
  const FakeGenerator generator = asyncio.Made("numbers", "async_generator");
  const FakeGenerator inside = asyncio.Coroutine("inside");
  const FakeGenerator legacy = asyncio.Made("legacy", "generator");
  asyncio.Suspend(generator, asyncio.Wrapper("coroutine_wrapper", inside.object));
  asyncio.Suspend(inside, legacy.object);
  asyncio.Yield(legacy);
  const auto seen = [&](uint64_t awaited) {
    const FakeGenerator start = asyncio.Coroutine("start");
    asyncio.Suspend(start, awaited);
    const uint64_t task = asyncio.Task(start, "t");
    FakeThread& thread = python.AddThread("x");
    asyncio.List(thread, task);
    const std::string picture = all.Picture();
    python.RemoveThread(thread);
    return picture.substr(picture.rfind(": ") + 2);
  };
  const std::string whole = "<task t> start numbers inside legacy";
  const uint64_t asend = asyncio.Wrapper("async_generator_asend", generator.object);
  EXPECT_EQ(seen(asend), whole);
  EXPECT_EQ(seen(asyncio.Wrapper("async_generator_athrow", generator.object)), whole);
  EXPECT_EQ(seen(asyncio.Wrapper("anext_awaitable", asend)), whole);
  EXPECT_EQ(seen(asend | 1), whole);  // a borrowed reference has a tag
  EXPECT_EQ(seen(asyncio.Instance("async_generator_asend")), "<task t> start");
  EXPECT_EQ(seen(asyncio.Future()), "<task t> start");
}

TEST_P(TaskReaderTest, ShowsSuspendedTasksOnlyWhenAsked) {
  const FakeGenerator sleeping = asyncio.Coroutine("sleeping");
  const FakeGenerator fresh = asyncio.Coroutine("fresh");
  const FakeGenerator done = asyncio.Coroutine("done");
  asyncio.Suspend(sleeping, asyncio.Future());
  asyncio.SetCleared(done);
  asyncio.List(main, asyncio.Task(sleeping, "s"));
  asyncio.List(main, asyncio.Task(fresh, "f"));
  asyncio.List(main, asyncio.Task(done, "d"));
  const FakeGenerator orphan = asyncio.Coroutine("orphan");
  asyncio.Yield(orphan);
  asyncio.ListInInterpreter(python.main_interpreter(), asyncio.Task(orphan, "o"));
  const std::string thread = "main: <module> run_forever Handle._run";
  EXPECT_EQ(running.Picture(), thread);
  EXPECT_EQ(all.Picture(), thread +
                               "\nwaiting in main: <task s> sleeping"
                               "\nwaiting in main: <task f> fresh"
                               "\nwaiting in interpreter 0: <task o> orphan");
}

TEST_P(TaskReaderTest, ARunningTaskDoesNotWait) {
  const FakeGenerator work = asyncio.Coroutine("work");
  const uint64_t task = asyncio.Task(work, "w");
  asyncio.List(main, task);
  Run(task, work);
  EXPECT_EQ(all.Picture(), "main: <task w> work");
}

TEST_P(TaskReaderTest, NamesTasksAsTheProgramDoes) {
  const auto named = [&](uint64_t task) {
    FakeThread& thread = python.AddThread("x");
    asyncio.List(thread, task);
    const std::string picture = all.Picture();
    python.RemoveThread(thread);
    return picture.substr(picture.find('\n', picture.find('\n') + 1) + 1);
  };
  const FakeGenerator work = asyncio.Coroutine("work");
  EXPECT_EQ(named(asyncio.Task(work, "fetch 7")), "waiting in x: <task fetch 7> work");
  // asyncio's own numbers say nothing and would keep what is alike apart.
  EXPECT_EQ(named(asyncio.Task(work, asyncio.Int(12))), "waiting in x: <task Task-*> work");
  EXPECT_EQ(named(asyncio.Task(work, "Task-12")), "waiting in x: <task Task-*> work");
  EXPECT_EQ(named(asyncio.Task(work, "Task-12b")), "waiting in x: <task Task-12b> work");
  const uint64_t subclass =
      asyncio.Subclass("MyTask", asyncio.Subclass("Base", asyncio.task_type()));
  EXPECT_EQ(named(asyncio.TaskOfClass(subclass, work.object, asyncio.Int(1))),
            "waiting in x: <task Task-*> work");
  EXPECT_EQ(named(asyncio.Task(work, uint64_t{0xdead0000})),
            "waiting in x [repaired unreadable]: <task ?> work");
  const std::string longest(300, 'n');
  EXPECT_EQ(named(asyncio.Task(work, longest)),
            "waiting in x: <task " + longest.substr(0, 256) + "…> work");
}

TEST_P(TaskReaderTest, ATaskOfCompiledCodeHasOnlyItsMarker) {
  const uint64_t compiled = asyncio.Instance("_cython.coroutine");
  const uint64_t task = asyncio.TaskOfClass(asyncio.task_type(), compiled, asyncio.Int(1));
  asyncio.List(main, task);
  EXPECT_EQ(all.Picture(),
            "main: <module> run_forever Handle._run\nwaiting in main: <task Task-*>");
  asyncio.SetRunning(main, task);
  EXPECT_EQ(all.Picture(), "main: <task Task-*> <module> run_forever Handle._run");
}

TEST_P(TaskReaderTest, AnEagerTaskStandsInTheTaskThatStartsIt) {
  const FakeGenerator root = asyncio.Coroutine("root");
  const FakeGenerator parent = asyncio.Coroutine("parent");
  const FakeGenerator eager = asyncio.Coroutine("eager");
  const uint64_t root_task = asyncio.Task(root, "root");
  const uint64_t parent_task = asyncio.Task(parent, "parent");
  asyncio.Suspend(root, asyncio.Future());
  asyncio.SetAwaiter(parent_task, root_task);
  asyncio.List(main, parent_task);
  Run(parent_task, parent).Call("create_task").Enter();
  Run(asyncio.Task(eager, "eager"), eager).Call("work");
  EXPECT_EQ(running.Picture(),
            "main: <task root> root <task parent> parent create_task <task eager> eager work");
}

TEST_P(TaskReaderTest, WhatIsNoTaskOfAsynciosOwnLeavesTheThreadsStack) {
  // asyncio.tasks._PyTask, for example: a Python object of another layout.
  asyncio.SetRunning(main, asyncio.Instance("Task"));
  EXPECT_EQ(running.Picture(), "main [repaired moved]: <module> run_forever Handle._run");
  asyncio.SetRunning(main, 0xdead0000);
  EXPECT_EQ(running.Picture(), "main [repaired moved]: <module> run_forever Handle._run");
  asyncio.SetRunning(main, 0x77);
  EXPECT_EQ(running.Picture(), "main [repaired moved]: <module> run_forever Handle._run");
}

TEST_P(TaskReaderTest, ATaskThatIsNotOnTheStackHasMoved) {
  const FakeGenerator work = asyncio.Coroutine("work");
  asyncio.Yield(work);
  asyncio.SetRunning(main, asyncio.Task(work, "w"));
  EXPECT_EQ(running.Picture(), "main [repaired moved]: <module> run_forever Handle._run");
  FakeTaskReader live(&python, asyncio, TaskScope::kRunning, Motion::kPossible);
  EXPECT_EQ(live.Picture(), "main [repaired unproved]: <module> run_forever Handle._run");
}

TEST_P(TaskReaderTest, NothingIsProvedWhileTheTargetMayRun) {
  const FakeGenerator work = asyncio.Coroutine("work");
  const FakeGenerator other = asyncio.Coroutine("other");
  asyncio.Yield(other);
  asyncio.List(main, asyncio.Task(other, "o"));
  Run(asyncio.Task(work, "w"), work);
  FakeTaskReader live(&python, asyncio, TaskScope::kAll, Motion::kPossible);
  EXPECT_EQ(live.Picture(),
            "main [repaired unproved]: <task w> work\n"
            "waiting in main [repaired unproved]: <task o> other");
}

TEST_P(TaskReaderTest, TasksThatAwaitEachOtherAreCut) {
  const FakeGenerator a = asyncio.Coroutine("a");
  const FakeGenerator b = asyncio.Coroutine("b");
  const FakeGenerator c = asyncio.Coroutine("c");
  for (const FakeGenerator& each : {a, b, c}) asyncio.Yield(each);
  const uint64_t ta = asyncio.Task(a, "a");
  const uint64_t tb = asyncio.Task(b, "b");
  const uint64_t tc = asyncio.Task(c, "c");
  asyncio.SetAwaiter(ta, tb);
  asyncio.SetAwaiter(tb, ta);
  asyncio.SetAwaiter(tc, ta);
  for (const uint64_t task : {tc, ta, tb}) asyncio.List(main, task);
  EXPECT_EQ(all.Picture(),
            "main: <module> run_forever Handle._run\n"
            "waiting in main [partial truncated]: <truncated> <task a> a <task c> c\n"
            "waiting in main [partial truncated]: <truncated> <task a> a\n"
            "waiting in main [partial truncated]: <truncated> <task b> b");
  asyncio.SetAwaiter(ta, ta);
  EXPECT_NE(all.Picture().find("waiting in main [partial truncated]: <truncated> <task a> a\n"),
            std::string::npos);
}

TEST_P(TaskReaderTest, ACoroutineThatAwaitsItselfEnds) {
  const FakeGenerator loop = asyncio.Coroutine("loop");
  asyncio.Suspend(loop, loop.object);
  const uint64_t wrapper = asyncio.Wrapper("anext_awaitable", 0);
  python.memory().Put(wrapper + python.layout().object.size, wrapper);
  const FakeGenerator circle = asyncio.Coroutine("circle");
  asyncio.Suspend(circle, wrapper);
  asyncio.List(main, asyncio.Task(loop, "l"));
  asyncio.List(main, asyncio.Task(circle, "c"));
  ASSERT_EQ(all.Sample(), SampleStatus::kOk);
  ASSERT_EQ(all.tasks().waiting().size(), 2u);
  for (const WaitingTask& task : all.tasks().waiting()) {
    EXPECT_EQ(task.quality, Quality::kPartial);
    EXPECT_EQ(task.reason, Reason::kTruncated);
  }
}

TEST_P(TaskReaderTest, DamagedChainsArePartialAndSayWhy) {
  const FakeGenerator start = asyncio.Coroutine("start");
  const FakeGenerator next = asyncio.Coroutine("next");
  asyncio.List(main, asyncio.Task(start, "t"));
  const auto seen = [&] {
    const std::string picture = all.Picture();
    return picture.substr(picture.find('\n') + 1);
  };
  asyncio.Suspend(start, 0xdead0000);
  EXPECT_EQ(seen(), "waiting in main [partial unreadable]: <task t> start");
  asyncio.Suspend(start, next.object);
  asyncio.SetExecuting(next);  // its awaiter would run too
  EXPECT_EQ(seen(), "waiting in main [partial moved]: <task t> start");
  asyncio.SetState(next, 77, 77);
  EXPECT_EQ(seen(), "waiting in main [partial moved]: <task t> start");
  asyncio.Yield(next);
  python.SetOwner(next.frame, 0);
  EXPECT_EQ(seen(), "waiting in main [partial moved]: <task t> start");
  python.SetOwner(next.frame, 1);
  EXPECT_EQ(seen(), "waiting in main: <task t> start next");
  python.memory().Put(start.frame + python.layout().frame.stackpointer, uint64_t{0x1234});
  EXPECT_EQ(seen(), "waiting in main [partial moved]: <task t> start");
  asyncio.SetState(start, 77, 77);
  EXPECT_EQ(seen(), "waiting in main [partial moved]: <task t>");
}

TEST_P(TaskReaderTest, AListThatCannotBeFollowedIsMissed) {
  const FakeGenerator work = asyncio.Coroutine("work");
  asyncio.Yield(work);
  const uint64_t first = asyncio.Task(work, "1");
  const uint64_t second = asyncio.Task(work, "2");
  asyncio.List(main, first);
  asyncio.List(main, second);
  const uint64_t node = asyncio.offsets().task.node;
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{0xdead0000}, first + node, uint64_t{3}}) {
    python.memory().Put(first + node, wrong);
    EXPECT_EQ(all.Picture(),
              "main: <module> run_forever Handle._run\n"
              "waiting in main: <task 1> work\n"
              "waiting in main [missed moved]:");
  }
}

TEST_P(TaskReaderTest, WhatIsNoTaskInAListIsMissed) {
  asyncio.List(main, asyncio.TaskOfClass(asyncio.Subclass("X", 0), 0, 0));
  EXPECT_EQ(all.Picture(),
            "main: <module> run_forever Handle._run\nwaiting in main [missed moved]:");
}

TEST_P(TaskReaderTest, AStandingPictureOfManyTasksIsOneReadMore) {
  const FakeGenerator parent = asyncio.Coroutine("parent");
  asyncio.Suspend(parent, asyncio.Future());
  const uint64_t parent_task = asyncio.Task(parent, "parent");
  asyncio.List(main, parent_task);
  for (int i = 0; i < 1000; ++i) {
    const FakeGenerator outer = asyncio.Coroutine("outer");
    const FakeGenerator inner = asyncio.Coroutine("inner");
    asyncio.Suspend(outer, inner.object);
    asyncio.Suspend(inner, asyncio.Future());
    const uint64_t task = asyncio.Task(outer, "worker");
    asyncio.SetAwaiter(task, parent_task);
    asyncio.List(main, task);
  }
  ASSERT_EQ(all.Sample(), SampleStatus::kOk);
  EXPECT_LT(all.tasks().reads(), 1100u);
  ASSERT_EQ(all.Sample(), SampleStatus::kOk);
  EXPECT_EQ(all.tasks().reads(), 1u);
  ASSERT_EQ(all.tasks().waiting().size(), 1001u);
  EXPECT_EQ(
      all.Names(all.tasks().waiting().back().stack),
      (std::vector<std::string>{"<task parent>", "parent", "<task worker>", "outer", "inner"}));
}

TEST_P(TaskReaderTest, CodeThatIsFreedIsNotGivenAnotherName) {
  const FakeGenerator work = asyncio.Coroutine("work");
  asyncio.Yield(work);
  asyncio.List(main, asyncio.Task(work, "w"));
  ASSERT_EQ(all.Sample(), SampleStatus::kOk);
  const uint64_t code = python.Function("work");
  python.Replace(code, "other");
  python.AdvanceGeneration();
  EXPECT_NE(all.Picture().find("<task w> other"), std::string::npos);
  python.Free(code);
  python.AdvanceGeneration();
  EXPECT_NE(all.Picture().find("waiting in main [partial freed code]: <task w> <freed code>"),
            std::string::npos);
}

TEST_P(TaskReaderTest, ThreadsOfSubinterpretersHaveTheirOwnTasks) {
  FakeThread& sub = python.AddThread("sub", python.AddInterpreter(1)).Enter().Call("loop");
  const FakeGenerator work = asyncio.Coroutine("work");
  const uint64_t task = asyncio.Task(work, "w");
  asyncio.SetRunning(sub, task);
  asyncio.SetExecuting(work);
  sub.Resume(work);
  EXPECT_EQ(running.Picture(), "main: <module> run_forever Handle._run\nsub: <task w> work");
}

/// A loop, tasks, and a target that changes under the reader's hands.
class TaskAdversaryTest : public testing::TestWithParam<std::tuple<int, uint64_t>> {
 protected:
  void SetUp() override {
    main.Enter().Call("<module>").Call("run");
    const FakeGenerator root = asyncio.Coroutine("root");
    asyncio.Suspend(root, asyncio.Future());
    const uint64_t root_task = asyncio.Task(root, "root");
    asyncio.List(main, root_task);
    for (int i = 0; i < 20; ++i) {
      const FakeGenerator outer = asyncio.Coroutine("outer");
      const FakeGenerator inner = asyncio.Made("inner", "async_generator");
      asyncio.Suspend(outer, asyncio.Wrapper("async_generator_asend", inner.object));
      asyncio.Suspend(inner, asyncio.Future());
      const uint64_t task = asyncio.Task(outer, "worker");
      if (i % 2 == 0) {
        asyncio.SetAwaiter(task, root_task);
      } else {
        asyncio.SetAwaiters(task, {root_task, 1, asyncio.Future()});
      }
      asyncio.List(main, task);
    }
    const FakeGenerator work = asyncio.Coroutine("work");
    const uint64_t task = asyncio.Task(work, "busy");
    asyncio.SetAwaiter(task, root_task);
    asyncio.List(main, task);
    asyncio.SetRunning(main, task);
    asyncio.SetExecuting(work);
    main.Resume(work).Call("compute");
  }

  FakePython python{std::get<0>(GetParam())};
  FakeAsyncio asyncio{&python};
  FakeThread& main{python.AddThread("main")};
};

INSTANTIATE_TEST_SUITE_P(Python, TaskAdversaryTest,
                         testing::Combine(testing::Values(14, 15), testing::Range<uint64_t>(1, 13)),
                         [](const auto& info) {
                           return "v3_" + std::to_string(std::get<0>(info.param)) + "_seed" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST_P(TaskAdversaryTest, EverySampleEndsWithinBoundsAndTheReaderRecovers) {
  FakeTaskReader reader(&python, asyncio, TaskScope::kAll);
  const std::string truth = reader.Picture();
  ASSERT_NE(truth.find("main: <task root> root <task busy> work compute\n"), std::string::npos);
  Adversary adversary(&python, std::get<1>(GetParam()));
  adversary.Start(10);
  for (int i = 0; i < 300; ++i) {
    python.memory().ResetCounts();
    if (reader.Sample() != SampleStatus::kOk) continue;
    ASSERT_LT(python.memory().counts().reads, 200'000u);
    ASSERT_LT(python.memory().counts().largest, uint64_t{1} << 30);
    ASSERT_LT(reader.tasks().waiting().size(), 200u);
    for (const WaitingTask& task : reader.tasks().waiting()) {
      ASSERT_LT(reader.Names(task.stack).size(), 100'000u);
      if (task.quality == Quality::kMissed) {
        ASSERT_EQ(task.stack, kNoStack);
        ASSERT_NE(task.reason, Reason::kNone);
      }
    }
  }
  adversary.Stop();
  // What the adversary did, CPython could not have done without this.
  python.AdvanceGeneration();
  reader.Sample();
  EXPECT_EQ(reader.Picture(), truth);
}

}  // namespace
}  // namespace pyprof::test
