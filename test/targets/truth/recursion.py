"""Recursion that grows and shrinks across chunks of the data stack."""

from rules import ready

DEPTH = 400


def climb(depth):
    if depth:
        climb(depth - 1)  # -> climb


def main():
    while True:
        climb(DEPTH)  # -> climb


ready(counts={"climb": [0, DEPTH + 1]})
main()  # -> main
