"""Chains of calls that pass through C, and the functions that Python makes by itself.

The argument names the chain, which ends in a frame that holds.
"""

import functools
import operator
import sys

from harness import hold


def plain():
    hold()


def through_sorted():
    sorted([1], key=lambda item: hold())


def through_operator_call():
    operator.call(plain)


class Made:
    def __init__(self):
        hold()


def through_type_slot():
    type.__call__(Made)


def add(count, item):
    return plain()


def through_partial():
    functools.reduce(functools.partial(add), [1, 2])


def through_all():
    sorted([1], key=functools.partial(operator.call, lambda item: next(map(Outer().method, [1]))))


class Outer:
    class Inner:
        def method(self):
            def inner():
                return (lambda: plain())()

            return inner()

    def method(self, item=None):
        return Outer.Inner().method()


def nested_names():
    Outer().method()


def class_body():
    class Body:
        class Nested:
            plain()


def comprehensions():
    return [[plain() for _ in "x"] for _ in "y"]


def generator_expression():
    return list(plain() for _ in "x")


def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def noted(
    note,
):
    return traced


@noted(
    "the first line of a decorated function is that of its first decorator",
)
@traced
def decorated():
    plain()


WARM = 2000
"""More than any counter of the specialising interpreter needs."""


class Specialised:
    """Calls that the interpreter inlines once it has seen them often enough."""

    def __init__(self, turn):
        self.turn = turn
        self.when_warm()

    def when_warm(self):
        if self.turn == WARM:
            plain()

    @property
    def attribute(self):
        self.when_warm()

    def __getitem__(self, turn):
        self.turn = turn
        self.when_warm()

    def __getattr__(self, name):
        self.when_warm()


def quiet(turn):
    made = Specialised.__new__(Specialised)
    made.turn = turn
    return made


def hot_init():
    for turn in range(WARM + 1):
        Specialised(turn)


def hot_property():
    for turn in range(WARM + 1):
        quiet(turn).attribute


def hot_item():
    made = quiet(0)
    for turn in range(WARM + 1):
        made[turn]


def hot_getattr():
    for turn in range(WARM + 1):
        quiet(turn).missing


def with_comparison():
    class Compared:
        def __lt__(self, other):
            return plain()

    Compared() < Compared()


def finalizer():
    class Finalized:
        def __del__(self):
            plain()

    Finalized()


globals()[sys.argv[1]]()
