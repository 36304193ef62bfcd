"""A chain of two functions that holds. Arguments are libraries to load first, by ctypes."""

import sys

from harness import hold


def outer():
    inner()


def inner():
    hold()


libraries = sys.argv[1:]
if libraries:
    import ctypes

    loaded = [ctypes.CDLL(library) for library in libraries]
outer()
