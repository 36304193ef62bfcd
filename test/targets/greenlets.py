"""Greenlets that hold, or that go to and fro; the first argument says which."""

import sys
import threading

import greenlet
from harness import hold, say


def work():
    hold(stack=False)


def job():
    work()


def start():
    greenlet.greenlet(job).switch()


def hub():
    start()


def held():
    """The main greenlet waits for the one that it has started."""
    hub()


def nested():
    """A greenlet waits for another one."""
    greenlet.greenlet(start).switch()


def returned():
    """Back in the main greenlet; another one is still alive."""

    def visit():
        greenlet.getcurrent().parent.switch()

    visitor = greenlet.greenlet(visit)
    visitor.switch()
    work()


def thread():
    worker = threading.Thread(target=hub, name="worker")
    worker.start()
    worker.join()


def spin(turns):
    for _ in range(turns):
        pass


def deeper(depth):
    if depth > 0:
        deeper(depth - 1)
    while True:
        spin(3000)
        greenlet.getcurrent().parent.switch()


def by_turns():
    """Ten greenlets by turns, and the main one between."""
    greenlets = [greenlet.greenlet(deeper) for _ in range(10)]
    say("ready")
    while True:
        for each in greenlets:
            each.switch(20)
        spin(3000)


globals()[sys.argv[1]]()
