"""Runs a command in a terminal of its own: what comes on stdin is typed, what it shows is printed.

Ends with the command's status, 128 + n for signal n. Ends the command when stdin ends.
"""

import os
import pty
import select
import signal
import sys

signal.alarm(120)
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

open_inputs = [0, master]
while master in open_inputs:
    for source in select.select(open_inputs, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:  # all that had the terminal open have ended
            data = b""
        if data:
            os.write(master if source == 0 else 1, data)
        elif source == 0:
            os.killpg(pid, signal.SIGKILL)
            open_inputs.remove(0)
        else:
            open_inputs.remove(master)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
