"""A frame that is larger than a default chunk of the data stack, with calls below and above it."""

from rules import ready

PARAMETERS = 2500
"""More words than the 2048 of a default chunk."""

PAD = "\n" * 1000
"""Keeps the generated function's lines apart from those of this file."""

SOURCE = (
    PAD
    + "def wide("
    + ", ".join(f"p{i}=0" for i in range(PARAMETERS))
    + "):\n    above()  # -> above\n"
)


def leaf():
    for _ in range(5):
        pass


def above():
    leaf()  # -> leaf


def narrow():
    above()  # -> above


def below(callee):
    callee()  # -> wide narrow


def main():
    while True:
        below(wide)  # -> below
        for _ in range(20):
            below(narrow)  # -> below


exec(compile(SOURCE, __file__, "exec"))
ready(generated=[SOURCE])
main()  # -> main
