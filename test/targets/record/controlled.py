"""Works by turns inside and outside of what is to be sampled; ends with 7."""

import sys
import time

import pyprof_control


def measured(until):
    while time.process_time() < until:
        pass


def unmeasured(until):
    while time.process_time() < until:
        pass


for _ in range(20):
    unmeasured(time.process_time() + 0.1)
    with pyprof_control.sampled("work", 10):
        measured(time.process_time() + 0.02)
sys.exit(7)
