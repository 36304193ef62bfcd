"""Threads of which it is known what they do. The first argument names the arrangement."""

import gc
import hashlib
import sys
import threading
import time

from harness import line


def ready(**facts):
    print(line("ready", **facts), flush=True)


def start(*functions):
    """Each on a thread of its own; says their ids and waits for ever."""
    ids = {}

    def run(function):
        ids[function.__name__] = threading.get_native_id()
        function()

    for function in functions:
        threading.Thread(target=run, args=(function,), daemon=True).start()
    while len(ids) < len(functions):
        time.sleep(0.001)
    ready(threads=ids)
    time.sleep(300)


def spin():
    while True:
        pass


def also_spin():
    while True:
        pass


def sleep():
    time.sleep(300)


def hash_without_gil():
    data = bytes(8 << 20)
    while True:
        hashlib.sha256(data)


def sum_with_gil():
    while True:
        sum(range(20_000_000))


def want_gil():
    while True:
        time.sleep(0)


def bursts():
    """Uses the processor for two milliseconds and sleeps for eight, over and over."""
    while True:
        burn(0.002)
        time.sleep(0.008)


def burn(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def sleeper_and_spinner():
    start(sleep, spin)


def spinners():
    start(spin, also_spin)


def hashing():
    start(hash_without_gil, sleep)


def hogging():
    start(sum_with_gil, want_gil)


def bursting():
    start(bursts)


def work():
    for _ in range(3000):
        pass


def in_except():
    try:
        raise ValueError
    except ValueError:
        work()


def in_finally_propagating():
    try:
        try:
            raise ValueError
        finally:
            work()
    except ValueError:
        pass


def after_except():
    try:
        raise ValueError
    except ValueError:
        pass
    work()


def in_finally_clean():
    try:
        pass
    finally:
        work()


def handling_generator():
    try:
        raise ValueError
    except ValueError:
        work()
    yield


def quiet_generator():
    work()
    yield


def generator_handles():
    next(handling_generator())


def generator_is_quiet():
    next(quiet_generator())


def caller_of_generator_handles():
    try:
        raise ValueError
    except ValueError:
        next(quiet_generator())


async def inner_coroutine():
    work()


async def handling_coroutine():
    try:
        raise ValueError
    except ValueError:
        await inner_coroutine()


def coroutine_handles():
    try:
        handling_coroutine().send(None)
    except StopIteration:
        pass


def exceptions():
    ready()
    while True:
        in_except()
        in_finally_propagating()
        after_except()
        in_finally_clean()
        generator_handles()
        generator_is_quiet()
        caller_of_generator_handles()
        coroutine_handles()


class Node:
    pass


def make_cycles():
    for _ in range(20_000):
        one, other = Node(), Node()
        one.other, other.one = other, one


def collect():
    gc.collect()


def collecting():
    """Makes garbage with the collector off, then collects it."""
    gc.disable()
    keep = [{"number": number} for number in range(200_000)]
    ready()
    while keep:
        make_cycles()
        collect()


def not_collecting():
    gc.disable()
    ready()
    while True:
        make_cycles_and_drop_them()


def make_cycles_and_drop_them():
    for _ in range(1000):
        one, other = Node(), Node()
        one.other, other.one = other, one
        del one.other


class Finalized:
    def __del__(self):
        work()


def make_finalized():
    for _ in range(50):
        node = Finalized()
        node.itself = node


def finalizing():
    """Objects in cycles with a finaliser in Python, which the collector calls."""
    gc.disable()
    ready()
    while True:
        make_finalized()
        collect()


def key(value):
    for _ in range(300):
        pass
    return -value


def sort():
    sorted(range(100), key=key)


def calling_back():
    """Python code that is called by C code that is called by Python code."""
    ready()
    while True:
        sort()


globals()[sys.argv[1]](*sys.argv[2:])
