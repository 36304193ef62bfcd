"""Marks without waiting for answers, and ends while pyprof cannot look: stopped until then."""

import os
import signal
import subprocess
import time

import pyprof_control

WAKE = """
while ! grep -q '^State:.Z' /proc/$1/status; do sleep 0.01; done
sleep 0.3
kill -CONT $2
"""

control = pyprof_control.control()
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
pyprof = os.getppid()
subprocess.Popen(["sh", "-c", WAKE, "sh", str(os.getpid()), str(pyprof)])
os.kill(pyprof, signal.SIGSTOP)
for _ in range(200):
    control.mark("step")
control.disable()
