"""Does something as often as its argument says, and counts it; prints, too."""

import sys
import time

import pyprof_control


def step():
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass


count = int(sys.argv[1])
print("as chatty as benchmarks are")
with pyprof_control.sampled("step", count):
    for _ in range(count):
        step()
