"""asyncio programs that hold in a known position; the first argument says which."""

import asyncio
import ctypes
import sys
import threading

from harness import Meeting, hold, say


def let_everybody_read():
    """Python's own reader is no parent of this process; without Yama this does nothing."""
    PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)


async def turns(count=5):
    """Lets all other tasks come to their awaits."""
    for _ in range(count):
        await asyncio.sleep(0)


def chain(task):
    """The suspended coroutines of a task as Python sees them: [qualname, first line, line]."""
    rows = []
    coroutine = task.get_coro()
    while getattr(coroutine, "cr_frame", None) is not None:
        frame = coroutine.cr_frame
        code = frame.f_code
        rows.append([code.co_qualname, code.co_firstlineno, frame.f_lineno])
        coroutine = coroutine.cr_await
    return rows


async def leaf():
    hold()


async def middle():
    await leaf()


async def worker():
    await middle()


async def forever():
    await asyncio.get_running_loop().create_future()


async def patient():
    await forever()


async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(patient(), name="patient")
        tasks.create_task(worker(), name="worker")


async def nested():
    """main gathers a task that has a group, in which one task holds."""
    waiting = asyncio.create_task(forever(), name="waiting")
    await asyncio.gather(asyncio.create_task(group(), name="group"), waiting)


async def suspended():
    """All tasks wait, and the loop with them; says where each of them stands."""
    let_everybody_read()
    tasks = [asyncio.create_task(patient(), name=f"patient-{i}") for i in range(3)]

    async def join():
        await asyncio.wait(tasks)

    joining = asyncio.create_task(join(), name="joining")
    numbered = asyncio.create_task(forever())
    await turns()
    chains = {task.get_name(): chain(task) for task in [*tasks, joining]}
    main = asyncio.current_task()
    main.set_name("main")
    asyncio.get_running_loop().call_later(
        0.01, lambda: say("ready", chains=chains | {"main": chain(main)})
    )
    await numbered


async def numbers():
    await asyncio.sleep(0)
    yield 1
    hold()
    yield 2


async def generator():
    async for _ in numbers():
        pass


async def wrapped():
    """Async generators and wrappers that wait."""

    async def endless():
        await forever()
        yield 1

    class Awaitable:
        def __await__(self):
            return forever().__await__()

    async def by_loop():
        async for _ in endless():
            pass

    async def by_anext():
        await anext(endless(), None)

    async def by_object():
        await Awaitable()

    tasks = [
        asyncio.create_task(each(), name=each.__name__) for each in (by_loop, by_anext, by_object)
    ]
    await turns()
    hold()
    await asyncio.gather(*tasks)


async def eager():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def child():
        hold()

    async def parent():
        await asyncio.create_task(child(), name="child")

    await asyncio.create_task(parent(), name="parent")


async def many(count):
    tasks = [asyncio.create_task(patient(), name=f"task {i}") for i in range(count)]
    await turns()
    hold(count=count)
    await asyncio.gather(*tasks)


async def shared():
    """Several tasks await one, which holds."""
    event = asyncio.Event()

    async def awaited():
        await event.wait()
        hold()

    task = asyncio.create_task(awaited(), name="awaited")

    async def awaiter():
        await task

    awaiters = [asyncio.create_task(awaiter(), name=f"awaiter-{i}") for i in range(2)]
    await turns()
    event.set()
    await asyncio.gather(*awaiters)


def threads():
    """Two loops in two threads, each with a task that stays."""
    meeting = Meeting()

    async def stay(name):
        async def inner():
            meeting.stay()

        await asyncio.create_task(inner(), name=f"inner {name}")

    def run(name):
        asyncio.run(stay(name))

    for name in ("a", "b"):
        threading.Thread(target=run, args=(name,), name=f"loop {name}", daemon=True).start()
    meeting.wait_for(2)
    hold()


def spin_a():
    for _ in range(3000):
        pass


def spin_b():
    for _ in range(1000):
        pass


async def busy():
    """Two tasks by turns, each with a function of its own."""

    async def step(spin):
        spin()
        await asyncio.sleep(0)

    async def task_a():
        while True:
            await step(spin_a)

    async def task_b():
        while True:
            await step(spin_b)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(task_a(), name="a")
        tasks.create_task(task_b(), name="b")
        # After the first step of each, when this coroutine has come to its await.
        asyncio.get_running_loop().call_soon(say, "ready")


def subinterpreter():
    """A loop in an interpreter of its own, with a task that stays."""
    from concurrent import interpreters

    meeting = Meeting()
    source = f"""
import asyncio, os

async def inner():
    os.write({meeting.arrive}, b".") and os.read({meeting.never}, 1)

async def outer():
    await asyncio.create_task(inner(), name="inner")

asyncio.run(outer())
"""
    other = interpreters.create()
    threading.Thread(target=other.exec, args=(source,), daemon=True).start()
    meeting.wait_for(1)
    hold(interpreter=other.id)


def ended_thread():
    """A loop whose thread has ended leaves its tasks behind."""
    loop = asyncio.new_event_loop()

    async def orphan():
        await forever()

    async def begin():
        global kept
        kept = asyncio.create_task(orphan(), name="orphan")
        await turns()

    thread = threading.Thread(target=lambda: loop.run_until_complete(begin()))
    thread.start()
    thread.join()
    hold()


mode, *arguments = sys.argv[1:]
if mode in ("threads", "ended_thread", "subinterpreter"):
    globals()[mode]()
else:
    asyncio.run(globals()[mode](*map(int, arguments)))
