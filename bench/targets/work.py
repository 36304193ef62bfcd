"""Counts its own work.

work.py FILE

A loop of small calls that keeps one core busy. After every unit of work the number of units so far
and the thread's CPU time in ns, 8 bytes each, little-endian, stand in FILE. Says `ready`.
"""

import mmap
import sys
import time

from parent import die_with_parent


def leaf(value):
    return value + 1


def branch(value):
    return leaf(leaf(value))


def trunk(value):
    return branch(branch(value))


def unit():
    value = 0
    for _ in range(100):
        value = trunk(value)
    return value


def main():
    die_with_parent()
    with open(sys.argv[1], "r+b") as file:
        memory = mmap.mmap(file.fileno(), 16)
    fields = memoryview(memory).cast("Q")
    print("ready", flush=True)
    done = 0
    while True:
        for _ in range(10):
            unit()
        done += 10
        fields[1] = time.thread_time_ns()
        fields[0] = done


main()
