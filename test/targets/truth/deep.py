"""A deep stack that stands, with functions coming and going at its end. The argument is the depth."""

import sys

from rules import ready

DEPTH = int(sys.argv[1])


def second():
    for _ in range(5):
        pass


def first():
    second()  # -> second


def descend(depth):
    if depth:
        descend(depth - 1)  # -> descend
    ready(counts={"descend": [DEPTH, DEPTH]}, gone="<truncated>")
    while True:
        first()  # -> first


sys.setrecursionlimit(DEPTH + 1000)
descend(DEPTH - 1)  # -> descend
