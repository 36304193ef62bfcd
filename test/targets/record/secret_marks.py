"""Marks whose names hold a secret, and sends what is no command."""

import os
import time

import pyprof_control

until = time.process_time() + 0.5
while time.process_time() < until:
    pass
control = pyprof_control.control()
for secret in ("hunter2", "swordfish", "hunter2"):
    control.mark(f"bench/test_token.py::test_login[password={secret}]", 3)
with open(os.environ["PYPROF_CONTROL"].removeprefix("fifo:").split(",")[0], "w") as ctl:
    ctl.write("login --password hunter2\n")
