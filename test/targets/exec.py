"""A Python to run scripts in. The first argument names what it does meanwhile."""

import os
import select
import sys
import threading
import time

import harness

__version__ = "1.2"


def facts():
    """All that a script could have left behind, or was to change."""
    import gc

    modules = sorted(sys.modules)
    frozen = gc.get_freeze_count()
    return {
        "modules": modules,
        "garbage": gc.collect(),
        "files": open_files(),
        "names": sorted(name for name in vars(sys.modules["__main__"]) if "pyprof" in name),
        "gc": gc.isenabled(),
        "frozen": frozen,
        "gcDebug": gc.get_debug(),
        "interval": sys.getswitchinterval(),
        "limit": sys.getrecursionlimit(),
        "trampoline": sys.is_stack_trampoline_active(),
    }


def open_files():
    found = []
    for fd in range(256):
        try:
            found.append(f"{fd} {os.readlink(f'/proc/self/fd/{fd}')}")
        except OSError:
            pass
    return found


def answer(line):
    if not line.startswith(b"use"):
        harness.say("facts", **facts())
        return
    import faulthandler
    import gc
    import tracemalloc

    tracemalloc.start()
    kept = [bytearray(100) for _ in range(10)]
    blocks = len(tracemalloc.take_snapshot().traces)
    tracemalloc.stop()
    kept.clear()
    gc.callbacks.append(print)
    gc.callbacks.remove(print)
    harness.say("used", blocks=blocks, faulthandler=faulthandler.is_enabled())


def obey(seconds=0.005):
    """Runs Python all the time, and tells its facts for every line on stdin."""
    facts()  # what it needs is loaded now
    harness.say("ready", thread=threading.get_native_id())
    while True:
        if select.select([0], [], [], seconds)[0]:
            line = os.read(0, 100)
            if not line:
                return
            answer(line)


def spin():
    while True:
        pass


def blocked():
    """The main thread waits for ever; another one runs."""
    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    harness.say("ready", busy=thread.native_id)
    threading.Event().wait()


def asleep():
    """Sleeps until a line comes on stdin, then tells its facts, over and over."""
    facts()
    harness.say("ready")
    while os.read(0, 100):
        harness.say("facts", **facts())


def calling():
    """In one C call, without end."""
    harness.say("ready")
    sum(range(10**12))


def refuse(*events):
    """Its audit hook refuses some events from now on."""
    is_ready = False

    def hook(event, args):
        if is_ready and event in events:
            raise RuntimeError(f"{event} is refused")

    sys.addaudithook(hook)
    facts()
    is_ready = True
    harness.say("ready")
    while True:
        if select.select([0], [], [], 0.005)[0]:
            is_ready = False
            answer(os.read(0, 100))
            is_ready = True


def crowd(count="1000000"):
    """Has many objects, and says when Ctrl-C reaches it."""
    keep = [[number] for number in range(int(count))]
    harness.say("ready")
    while keep:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            print("interrupted", flush=True)


class Timeout(Exception):
    pass


def alarmed(count="1000000"):
    """The same with a handler that raises an exception of the program's own."""
    import signal

    def handler(signum, frame):
        raise Timeout(signum)

    signal.signal(signal.SIGUSR1, handler)
    keep = [[number] for number in range(int(count))]
    harness.say("ready")
    while keep:
        try:
            while True:
                pass
        except Timeout:
            print("timed out", flush=True)


def serving():
    """An event loop with tasks that take turns."""
    import asyncio

    async def tick():
        while True:
            await asyncio.sleep(0.005)

    async def main():
        ticking = asyncio.create_task(tick())
        loop = asyncio.get_running_loop()
        harness.say("ready", debug=loop.get_debug())
        was = False
        while not ticking.done():
            await asyncio.sleep(0.005)
            if loop.get_debug() != was:
                was = loop.get_debug()
                harness.say("debug", now=was)

    asyncio.run(main())


def warning():
    """Has given a warning, and has objects of a type of its own."""
    import warnings

    warnings.warn_explicit("a bad thing", UserWarning, "app.py", 7, registry=registry())
    global kept
    kept = [Kept() for _ in range(1234)]
    obey()


def registry():
    return globals().setdefault("__warningregistry__", {})


class Kept:
    pass


def working():
    """Calls short functions, so that a trampoline is made for them."""
    harness.say("ready")
    while True:
        called_again_and_again()


def called_again_and_again():
    time.sleep(0)


globals()[sys.argv[1]](*sys.argv[2:])
