"""A command of pyprof record. The first argument says what it does:

- `echo`: says ready on stderr, prints its stdin when that has ended, and its length on stderr
- `exit STATUS`, `signal NUMBER`: says ready, and ends so after a line on stdin
- `burst SECONDS`: is busy for so much CPU time in the function `burst`
- `wait STATUS`: says ready, waits in `wait`, and tells of every SIGINT, SIGTERM and SIGHUP that it
  gets; SIGTERM ends it with the status, and so does a line on stdin
"""

import os
import signal
import sys
import time

signal.alarm(120)


def say(text):
    os.write(1, f"{text}\n".encode())


def echo():
    os.write(2, b"ready\n")
    data = sys.stdin.buffer.read()
    sys.stdout.buffer.write(data)
    sys.stderr.write(f"{len(data)} bytes\n")


def work():
    say("ready")
    sys.stdin.readline()


def burst(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def wait(status):
    def told(number, _):
        say(f"got {signal.Signals(number).name}")
        if number == signal.SIGTERM:
            os._exit(status)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)
    say("ready")
    sys.stdin.readline()
    sys.exit(status)


def main(what, *rest):
    if what == "echo":
        echo()
    if what == "exit":
        work()
        sys.exit(int(rest[0]))
    if what == "signal":
        work()
        os.kill(os.getpid(), int(rest[0]))
    if what == "burst":
        burst(float(rest[0]))
    if what == "wait":
        wait(int(rest[0]))


main(*sys.argv[1:])
