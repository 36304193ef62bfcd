"""A thread that has no Python frame, beside the busy main thread."""

import _thread
import os

from rules import ready

never, keep_open = os.pipe()


def leaf():
    for _ in range(10):
        pass


def caller():
    leaf()  # -> leaf


def main():
    while True:
        caller()  # -> caller


_thread.start_new_thread(os.read, (never, 1))
ready(empty=True)
main()  # -> main
