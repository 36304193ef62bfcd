"""A busy program that counts every signal it gets, with a thread that waits. Says `ready`, then `done` with
the counts when a line comes on stdin, and ends with status 7."""

import os
import select
import signal
import sys
import threading

from rules import say

LEFT_ALONE = {signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM}
"""The last one ends a forgotten target."""

counts = {}


def count(number, _):
    counts[number] = counts.get(number, 0) + 1


def work():
    for _ in range(1000):
        pass


for one in signal.valid_signals() - LEFT_ALONE:
    try:
        signal.signal(one, count)
    except OSError:
        pass  # the C library keeps some for itself

threading.Thread(target=threading.Event().wait, daemon=True).start()
say("ready")
while not select.select([sys.stdin], [], [], 0)[0]:
    work()
say("done", counts=counts)
os._exit(7)
