"""What the targets share: telling that they are in position, and staying there."""

import itertools
import json
import os
import signal
import sys

# A target that keeps itself busy would run for ever when the test run is killed.
signal.alarm(300)


def describe(frame):
    """The stack of a frame as Python itself sees it, root first.

    Rows are [qualname, file, first line, line, end line, column, end column].
    """
    rows = []
    while frame is not None:
        code = frame.f_code
        unit = frame.f_lasti // 2
        position = next(itertools.islice(code.co_positions(), unit, None))
        line, end_line, column, end_column = position
        rows.append(
            [
                code.co_qualname,
                code.co_filename,
                code.co_firstlineno,
                line or 0,
                end_line or 0,
                -1 if column is None else column,
                -1 if end_column is None else end_column,
            ]
        )
        frame = frame.f_back
    rows.reverse()
    return rows


def line(word, **facts):
    return f"{word} {json.dumps(facts)}"


def say(word, **facts):
    print(line(word, **facts), flush=True)


def hold(word="ready", stack=True, **facts):
    """Says that the target is in position and blocks until a byte comes on stdin.

    Both happen on one line, so that every sample from the word on finds the same one.
    """
    if stack:
        facts["stack"] = describe(sys._getframe().f_back)
    text = line(word, **facts)
    print(text, flush=True) or os.read(0, 1)


class Meeting:
    """Where threads arrive, one after another, and stay."""

    def __init__(self):
        self.arrivals, self.arrive = os.pipe()
        self.never, self.keep_open = os.pipe()

    def stay(self):
        """Tells the arrival and blocks for ever, both on one line."""
        os.write(self.arrive, b".") and os.read(self.never, 1)

    def wait_for(self, count):
        while count > 0:
            count -= len(os.read(self.arrivals, count))
