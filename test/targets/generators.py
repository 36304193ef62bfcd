"""Chains through generators and coroutines, each in a frame of its own outside the data stack.

The argument names the chain, which ends in a frame that holds.
"""

import sys
import types

from harness import hold

WARM = 2000


def plain():
    hold()
    return 1


def leaf_generator():
    yield 1
    plain()
    yield 2


def middle_generator():
    yield from leaf_generator()


def outer_generator():
    yield from middle_generator()


def yield_from():
    for _ in outer_generator():
        pass


def hot_leaf(count):
    for turn in range(count):
        if turn == WARM:
            plain()
        yield turn


def hot_middle(count):
    for turn in hot_leaf(count):
        yield turn


def hot_loop():
    """A `for` over a generator is inlined by the specialising interpreter."""
    for _ in hot_middle(WARM + 1):
        pass


def sent_to():
    generator = receiver()
    next(generator)
    generator.send(plain)


def receiver():
    function = yield
    function()
    yield


def thrown_into():
    generator = catcher()
    next(generator)
    generator.throw(ValueError("caught"))


def catcher():
    try:
        yield
    except ValueError:
        plain()
    yield


def closed():
    generator = cleaner()
    next(generator)
    generator.close()


def cleaner():
    try:
        yield
    finally:
        plain()


@types.coroutine
def pause():
    yield


async def inner_coroutine():
    await pause()
    plain()


async def outer_coroutine():
    await inner_coroutine()


def coroutine():
    running = outer_coroutine()
    running.send(None)
    running.send(None)


async def hot_awaited(turn):
    if turn == WARM:
        plain()


async def hot_coroutine():
    for turn in range(WARM + 1):
        await hot_awaited(turn)


def hot_await():
    hot_coroutine().send(None)


async def async_generator():
    yield 1
    plain()
    yield 2


async def async_for():
    async for _ in async_generator():
        pass


def asynchronous_generator():
    async_for().send(None)


async def in_task():
    await inner_task()


async def inner_task():
    import asyncio

    await asyncio.sleep(0)
    plain()


def asyncio_task():
    import asyncio

    asyncio.run(in_task())


globals()[sys.argv[1]]()
