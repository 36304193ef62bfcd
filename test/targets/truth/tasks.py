"""asyncio with 40 tasks, each in steps of 10 to 20 microseconds, three coroutines deep."""

import asyncio

from rules import ready


def compute(turns):
    for _ in range(turns):
        pass


async def inner(turns):
    compute(turns)  # -> compute
    await asyncio.sleep(0)  # -> sleep


async def middle(turns):
    await inner(turns)  # -> inner


async def outer(turns):  # <- Handle._run
    while True:
        await middle(turns)  # -> middle


async def main():  # <- Handle._run
    turns = [1600 + 40 * number for number in range(40)]  # 6 ns each, or somewhat more
    await asyncio.gather(*(outer(count) for count in turns))


LIBRARY = {
    "Handle._run": ["BaseEventLoop._run_once"],
    "BaseEventLoop._run_once": ["BaseEventLoop.run_forever"],
    "BaseEventLoop.run_forever": ["BaseEventLoop.run_until_complete"],
    "BaseEventLoop.run_until_complete": ["Runner.run"],
    "Runner.run": ["run"],
    "run": ["<module>"],
    "sleep": ["inner"],
    "__sleep0": ["sleep"],
}

ready(library=LIBRARY)
asyncio.run(main())  # -> run
