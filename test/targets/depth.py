"""Deep stacks and large frames. Arguments: which, and how deep or large."""

import operator
import sys

from harness import hold


def recurse(depth):
    if depth == 1:
        hold(stack=False)
    else:
        recurse(depth - 1)


def through_c(depth):
    """An entry frame between each two, since `operator.call` is C."""
    if depth == 1:
        hold(stack=False)
    else:
        operator.call(through_c, depth - 1)


def generators(depth):
    next(generator(depth))


def generator(depth):
    """All frames outside of the data stack."""
    if depth == 1:
        hold(stack=False)
        yield
    else:
        yield from generator(depth - 1)


def coroutines(depth):
    coroutine(depth).send(None)


async def coroutine(depth):
    if depth == 1:
        hold(stack=False)
    else:
        await coroutine(depth - 1)


def large_frame(size):
    """A frame that does not fit what a chunk of the data stack has left, with one below and one above."""
    names = ", ".join(f"p{i}" for i in range(size))
    values = ", ".join(str(i) for i in range(size))
    scope = {"recurse": recurse}
    exec(f"def large({names}):\n    recurse(3)\n\ndef caller():\n    large({values})\n", scope)
    scope["caller"]()


size = int(sys.argv[2])
sys.setrecursionlimit(size + 1000)
globals()[sys.argv[1]](size)
