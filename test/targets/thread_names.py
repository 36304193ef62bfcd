"""Threads whose names are to be read. The first argument names the arrangement.

Facts are names by native thread id: `python` those that `threading` knows, `system` those of
threads that it does not know.
"""

import _thread
import abc
import ctypes
import os
import sys
import threading
import time

from harness import Meeting, hold, say

meeting = Meeting()


class Worker(threading.Thread):
    def __init__(self, name):
        super().__init__(name=name, daemon=True)

    def run(self):
        meeting.stay()


class Slotted(Worker):
    __slots__ = ("first", "second")


class Abstract(Worker, metaclass=abc.ABCMeta):
    pass


class Crowded(Worker):
    """More attributes than a class's shared keys have room for, and `_name` behind them."""

    def __init__(self, name):
        for number in range(40):
            setattr(self, f"attribute_{number}", number)
        super().__init__(name)


class Text(str):
    pass


def after_construction(name):
    thread = Worker("not this")
    thread.name = name
    return thread


def dict_looked_at(name):
    thread = Worker(name)
    assert thread.__dict__
    return thread


def dict_outgrown(name):
    thread = Worker(name)
    thread.__dict__.update({f"attribute_{number}": number for number in range(40)})
    return thread


def dict_replaced(name):
    thread = Worker("not this")
    thread.__dict__ = {**thread.__dict__, "_name": name}
    return thread


def attributes_in_another_order(name):
    thread = Worker("not this")
    del thread._name
    thread.late = True
    thread.name = name
    return thread


def class_changed(name):
    thread = Worker(name)
    thread.__class__ = type("Changed", (Worker,), {"late": True})
    return thread


def kinds():
    return [
        threading.Thread(target=meeting.stay, daemon=True),
        threading.Thread(target=meeting.stay, daemon=True, name="named-at-construction"),
        Worker("subclass"),
        Slotted("slots"),
        Abstract("metaclass"),
        Crowded("crowded"),
        after_construction("after-construction"),
        dict_looked_at("dict-looked-at"),
        dict_outgrown("dict-outgrown"),
        dict_replaced("dict-replaced"),
        attributes_in_another_order("another-order"),
        class_changed("class-changed"),
        Worker(Text("str-subclass")),
        Worker("two\nlines"),
        Worker("naïve Größe ÿ"),
        Worker("поток 線程"),
        Worker("rocket 🚀 日本"),
        Worker("lone \udc80 surrogate"),
        Worker("exactly fifteen"),
        Worker("longer than the fifteen bytes that the system keeps"),
        Worker("long " * 60),
        Worker("長" * 1024),
        Worker("x" * 2000),
    ]


def registered():
    """Names of all threads that `threading` knows; what UTF-8 cannot carry is escaped."""
    return {
        thread.native_id: thread.name.encode("utf-8", "backslashreplace").decode()
        for thread in threading.enumerate()
    }


def start(threads):
    for thread in threads:
        thread.start()
    meeting.wait_for(len(threads))


def start_raw(system, name, then=lambda: None):
    """Starts a thread that `threading` does not know and that only the system has a name for."""

    def run():
        with open("/proc/thread-self/comm", "w") as comm:
            comm.write(name)
        then()
        system[threading.get_native_id()] = name
        meeting.stay()

    _thread.start_new_thread(run, ())
    meeting.wait_for(1)


def set_of_kinds():
    """One of each; at the word `rename` they all get another name."""
    start(kinds())
    say("ready", python=registered())
    assert sys.stdin.readline() == "rename\n"
    for number, thread in enumerate(threading.enumerate()):
        thread.name = f"renamed {number} " + "é" * number
    hold("renamed", stack=False, python=registered())


def many(count):
    start([Worker(f"worker-{number}") for number in range(count)])
    hold(stack=False, python=registered())


def unknown(library):
    """Threads that `threading` does not know, beside some that it does; see frameless.c."""
    system = {}
    start([Worker("known")])
    start_raw(system, "raw thread")
    # What asks for its Thread object gets one, and with it a name.
    start_raw({}, "raw, then dummy", threading.current_thread)
    if library:
        arrivals, arrive = os.pipe()
        ctypes.CDLL(library).start_frameless(arrive)
        frameless = int.from_bytes(os.read(arrivals, 4), sys.byteorder)
        with open(f"/proc/self/task/{frameless}/comm", "w") as comm:
            comm.write("frameless")
        system[frameless] = "frameless"
    hold(stack=False, python=registered(), system=system)
    if library:
        with open(f"/proc/self/task/{frameless}/comm", "w") as comm:
            comm.write("frameless again")
        hold("renamed", stack=False)


def without_threading():
    """As a program that never imports `threading`."""
    for name in [name for name in sys.modules if "thread" in name]:
        del sys.modules[name]
    hold(stack=False)


def brief(seconds):
    """Threads that live so long each, one after another, until a line comes on stdin. Their
    identifiers are used again; their names never are."""
    say("ready")
    names, idents = {}, []
    waiting = threading.Thread(target=sys.stdin.readline, name="waiting")
    waiting.start()
    while waiting.is_alive():
        thread = threading.Thread(target=time.sleep, args=(seconds,), name=f"brief-{len(idents)}")
        thread.start()
        thread.join()
        names[thread.native_id] = thread.name
        idents.append(thread.ident)
    say("done", python=names, threads=len(idents), idents=len(set(idents)))


arrangement, *values = sys.argv[1:]
if arrangement == "brief":
    brief(float(values[0]))
else:
    globals()[arrangement](*[int(value) if value.isdigit() else value for value in values])
