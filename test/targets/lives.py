"""A process that changes: it executes another program, forks, or ends. Commands come on stdin, a
JSON list each: `exec PROGRAM ARGUMENT…`, `exec-from-thread …`, `fork`, `exit`.
"""

import atexit
import json
import os
import sys
import threading

from harness import hold, say


def before():
    command, *arguments = json.loads(wait())
    if command == "exec":
        os.execv(arguments[0], arguments)
    if command == "exec-from-thread":
        threading.Thread(target=os.execv, args=(arguments[0], arguments)).start()
        threading.Event().wait()
    if command == "fork":
        fork()
    if command == "exit":
        atexit.register(at_exit)


def wait():
    """Reads a line without a buffer that an exec would lose."""
    text = b""
    while not text.endswith(b"\n"):
        text += os.read(0, 1)
    return text


def fork():
    arrivals, arrive = os.pipe()
    never = os.pipe()[0]
    child = os.fork()
    if child == 0:
        only_child(arrive, never)
    os.read(arrivals, 1)
    only_parent(child)


def only_child(arrive, never):
    os.write(arrive, b".") and os.read(never, 1)


def only_parent(child):
    hold("forked", child=child)


def at_exit():
    hold("exiting")


say("ready", image=sys.argv[1:])
before()
