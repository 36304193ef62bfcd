"""Generators and coroutines, three deep, that live about a microsecond."""

from rules import ready


def inner_generator():
    yield 1


def middle_generator():
    yield from inner_generator()  # -> inner_generator


def outer_generator():
    yield from middle_generator()  # -> middle_generator


def pull():
    for _ in outer_generator():  # -> outer_generator
        pass


async def inner_coroutine():
    return 1


async def middle_coroutine():
    return await inner_coroutine()  # -> inner_coroutine


async def outer_coroutine():
    return await middle_coroutine()  # -> middle_coroutine


def drive():
    try:
        outer_coroutine().send(None)  # -> outer_coroutine
    except StopIteration:
        pass


def main():
    while True:
        pull()  # -> pull
        drive()  # -> drive


ready()
main()  # -> main
