"""Recursion that grows and shrinks all the time. The argument names the kind of frame."""

import sys

from harness import say

DEPTH = 300
"""Enough for several chunks of the data stack."""


def climb(depth):
    if depth > 0:
        climb(depth - 1)


def generator(depth):
    if depth > 0:
        yield from generator(depth - 1)
    yield depth


def functions():
    while True:
        climb(DEPTH)


def generators():
    while True:
        for _ in generator(100):
            pass


say("ready")
globals()[sys.argv[1]]()
