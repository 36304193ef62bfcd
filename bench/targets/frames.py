"""Threads at a depth that is known to the frame.

frames.py DEPTH THREADS BUSY

Each of THREADS threads (the main one included) stands on DEPTH Python frames. The first BUSY of them
call a small function for ever, the others wait for a lock that is never given. Says `ready`.
"""

import _thread
import sys
import time

from parent import die_with_parent

die_with_parent()
DEPTH, THREADS, BUSY = (int(argument) for argument in sys.argv[1:])

standing = []
never = _thread.allocate_lock()
never.acquire()


def step():
    pass


def down(left, number):
    if left > 1:
        return down(left - 1, number)
    standing.append(number)
    if number == 0:
        while len(standing) < THREADS:
            time.sleep(0.001)
        print("ready", flush=True)
    if number < BUSY:
        while True:
            step()
    never.acquire()


sys.setrecursionlimit(DEPTH + 100)
# Before any thread is busy, or it would keep the others from starting; the busy ones come last.
for number in range(THREADS - 1, 0, -1):
    _thread.start_new_thread(down, (DEPTH, number))
down(DEPTH - 1, 0)
