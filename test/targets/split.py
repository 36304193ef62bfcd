"""Two functions that share the time 3:1, by the clock and therefore whatever else the machine does.

Each turn of `three` lasts until its sum of all turns is three times what `one` is due next, so that
a turn that came out too long is made up for by the next ones. For each line on stdin the program
says `split` with the sums of wall time so far.
"""

import os
import select
import sys
from time import perf_counter

from harness import say

TURN = 0.010


def three(end):
    while perf_counter() < end:
        pass


def one(end):
    while perf_counter() < end:
        pass


def main():
    of_three = of_one = 0.0
    turns = 0
    started = perf_counter()
    while True:
        turns += 1
        three(started + max(0.0, 3 * TURN * turns - of_three))
        middle = perf_counter()
        of_three += middle - started
        one(middle + max(0.0, TURN * turns - of_one))
        started = perf_counter()
        of_one += started - middle
        if select.select([sys.stdin], [], [], 0)[0]:
            if os.read(0, 1) == b"":
                break
            say("split", three=of_three, one=of_one)


say("ready")
main()
