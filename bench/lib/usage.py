"""Runs a command and tells what it used.

usage.py COMMAND [ARGUMENT...]

On descriptor 3: a line with the command's pid; when it has ended, a line of JSON with its status
its CPU time and elapsed time in seconds, and its largest resident size in bytes. What the command
waited for is in its CPU time.
"""

import json
import os
import sys
import time

os.set_inheritable(3, False)
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
os.write(3, b"%d\n" % pid)
_, status, usage = os.wait4(pid, 0)
result = {
    "status": os.waitstatus_to_exitcode(status),
    "cpu": usage.ru_utime + usage.ru_stime,
    "wall": time.monotonic() - began,
    "peak": usage.ru_maxrss * 1024,
}
os.write(3, json.dumps(result).encode() + b"\n")
