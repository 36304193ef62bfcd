"""Two threads that run at once, one that sleeps, and the main one, which waits for them."""

import threading
import time

from harness import say


def leaf(turns):
    for _ in range(turns):
        pass


def spin():
    while True:
        leaf(3000)


def spin_with_inner():
    def inner(turns):
        total = 0
        for turn in range(turns):
            total += turn

    while True:
        inner(3000)


def sleep():
    while True:
        time.sleep(0.01)


def main():
    for function in (spin, spin_with_inner, sleep):
        threading.Thread(target=function, name=function.__name__, daemon=True).start()
    say("ready")
    time.sleep(300)


main()
