"""Two chains of short functions that take turns."""

from rules import ready


def d():
    for _ in range(30):
        pass


def c():
    d()  # -> d


def b():
    c()  # -> c


def a():
    b()  # -> b


def z():
    for _ in range(3):
        pass


def y():
    z()  # -> z


def x():
    y()  # -> y


def w():
    x()  # -> x


def main():
    while True:
        a()  # -> a
        w()  # -> w
        w()  # -> w
        w()  # -> w


ready()
main()  # -> main
