"""Exceptions that unwind short and long chains."""

from rules import ready


class Stop(Exception):
    pass


def e5():
    raise Stop


def e4():
    e5()  # -> e5


def e3():
    e4()  # -> e4


def e2(here):
    if here:
        try:
            e3()  # -> e3
        except Stop:
            after()  # -> after
    else:
        e3()  # -> e3


def e1(here):
    e2(here)  # -> e2


def e0(here):
    try:
        e1(here)  # -> e1
    except Stop:
        pass


def after():
    for _ in range(3):
        pass


def main():
    while True:
        e0(False)  # -> e0
        e0(True)  # -> e0


ready()
main()  # -> main
