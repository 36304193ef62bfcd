"""Threads in known positions. The first argument names the arrangement."""

import linecache
import os
import sys
import threading
import time

from harness import Meeting, describe, hold, line, say


def bar():
    baz()


def baz():
    foo()


def foo():
    while not main_joins():
        time.sleep(0.0005)
    stacks = {
        os.getpid(): describe(sys._current_frames()[threading.main_thread().ident]),
        threading.get_native_id(): describe(sys._getframe().f_back),
    }
    text = line("ready", stacks=stacks)
    print(text, flush=True) or time.sleep(300)


def main_joins():
    """Whether the main thread has come to the call in `Thread.join` that blocks."""
    frame = sys._current_frames()[threading.main_thread().ident]
    code = frame.f_code
    return code.co_name == "join" and ".join(" in linecache.getline(code.co_filename, frame.f_lineno)


def chain():
    thread = threading.Thread(target=bar, daemon=True)
    thread.start()
    thread.join()


def deeper(levels, meeting):
    if levels > 0:
        deeper(levels - 1, meeting)
    else:
        meeting.stay()


def many(count):
    """Threads of different depth, each of which stays."""
    meeting = Meeting()
    for number in range(count):
        threading.Thread(target=deeper, args=(number % 10, meeting), daemon=True).start()
    meeting.wait_for(count)
    frames = sys._current_frames()
    stacks = {
        thread.native_id: describe(frames[thread.ident])
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
    }
    hold(stacks=stacks)


def without_frames(library):
    """A thread that C made, with a thread state and without any Python frame; see frameless.c."""
    import ctypes

    meeting = Meeting()
    threading.Thread(target=deeper, args=(2, meeting), daemon=True).start()
    meeting.wait_for(1)
    arrivals, arrive = os.pipe()
    # Not PyDLL: the new thread has to get the GIL.
    ctypes.CDLL(library).start_frameless(arrive)
    frameless = int.from_bytes(os.read(arrivals, 4), sys.byteorder)
    hold(frameless=frameless)


SUBINTERPRETER = """
import os
import threading

def sub_main_{number}():
    sub_stay_{number}()

def sub_worker_{number}():
    sub_stay_{number}()

def sub_stay_{number}():
    os.write({arrive}, b".") and os.read({never}, 1)

threading.Thread(target=sub_worker_{number}).start()
sub_main_{number}()
"""


def new_interpreter():
    """Its id, and a function that runs source in it."""
    try:
        from concurrent import interpreters
    except ImportError:  # 3.13
        import _interpreters

        number = _interpreters.create()
        return number, lambda source: _interpreters.exec(number, source)
    interpreter = interpreters.create()
    return interpreter.id, interpreter.exec


def main_runner(execute, source):
    execute(source)


def subinterpreters(count):
    """Each with its own first thread and one more, and beside them a thread of the main one."""
    meeting = Meeting()
    numbers = []
    for _ in range(count):
        number, execute = new_interpreter()
        numbers.append(number)
        source = SUBINTERPRETER.format(number=number, arrive=meeting.arrive, never=meeting.never)
        threading.Thread(target=main_runner, args=(execute, source), daemon=True).start()
    threading.Thread(target=deeper, args=(2, meeting), daemon=True).start()
    meeting.wait_for(2 * count + 1)
    hold(interpreters=numbers)


BUSY_INTERPRETER = """
import os

def sub_leaf_{number}():
    for _ in range(300): pass

def sub_middle_{number}():
    sub_leaf_{number}()

os.write({arrive}, b".")
while True:
    sub_middle_{number}()
"""


def main_leaf():
    for _ in range(300):
        pass


def main_middle():
    main_leaf()


def busy_subinterpreters(count):
    """Each runs all the time, at the same time as the main one: each has a GIL of its own."""
    meeting = Meeting()
    numbers = []
    for _ in range(count):
        number, execute = new_interpreter()
        numbers.append(number)
        source = BUSY_INTERPRETER.format(number=number, arrive=meeting.arrive)
        threading.Thread(target=main_runner, args=(execute, source), daemon=True).start()
    meeting.wait_for(count)
    say("ready", interpreters=numbers)
    while True:
        main_middle()


def briefly():
    """Threads that live for a few milliseconds each, a new one as soon as the last has ended."""
    hold(stack=False)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        thread = threading.Thread(target=brief, args=(time.monotonic() + 0.003,))
        thread.start()
        thread.join()


def brief(end):
    while time.monotonic() < end:
        pass


arrangement, *values = sys.argv[1:]
globals()[arrangement](*[int(v) if v.isdigit() else v for v in values])
