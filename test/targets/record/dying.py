"""Enables sampling, asks for more answers than the FIFO holds, and dies without disabling."""

import os
import signal
import time

fifos = os.environ["PYPROF_CONTROL"].removeprefix("fifo:")


def measured(until):
    while time.process_time() < until:
        pass


with open(fifos.split(",")[0], "w") as ctl:
    ctl.write("enable\nnonsense\n")
    ctl.flush()
    for _ in range(20_000):
        ctl.write("ping\n")
measured(time.process_time() + 0.5)
os.kill(os.getpid(), signal.SIGKILL)
