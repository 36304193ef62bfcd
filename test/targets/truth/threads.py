"""100 threads: some busy, some that wake up every millisecond, the others asleep. Arguments: how many
are busy, how many wake up, the switch interval in seconds."""

import sys
import threading
import time

import rules

BUSY, WAKING = int(sys.argv[1]), int(sys.argv[2])
ALL = 99
"""Beside the main thread."""

arrived = threading.Semaphore(0)
go = threading.Event()
never = threading.Lock()


def d():
    for _ in range(30):
        pass


def c():
    d()  # -> d


def b():
    c()  # -> c


def z():
    for _ in range(10):
        pass


def y():
    z()  # -> z


def x():
    y()  # -> y


def busy():  # <- Thread.run
    arrived.release()  # -> Semaphore.release
    go.wait()  # -> Event.wait
    while True:
        b()  # -> b
        x()  # -> x


def waking():  # <- Thread.run
    arrived.release()  # -> Semaphore.release
    go.wait()  # -> Event.wait
    while True:
        time.sleep(0.001)
        b()  # -> b


def asleep():  # <- Thread.run
    arrived.release()  # -> Semaphore.release
    never.acquire()


LIBRARY = {
    "Thread.run": ["Thread._bootstrap_inner"],
    "Thread._bootstrap_inner": ["Thread._bootstrap"],
}


def main():
    never.acquire()
    for number in range(ALL):
        kind = busy if number < BUSY else waking if number < BUSY + WAKING else asleep
        threading.Thread(target=kind, daemon=True).start()  # -> Thread.start
    for _ in range(ALL):
        arrived.acquire()  # -> Semaphore.acquire
    sys.setswitchinterval(float(sys.argv[3]))
    rules.ready(roots=["<module>", "Thread._bootstrap"], library=LIBRARY)
    go.set()  # -> Event.set
    never.acquire()


main()  # -> main
