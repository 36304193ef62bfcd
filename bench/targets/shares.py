"""Does a fixed amount of work in functions of known shares: 30, 10, 3 percent, and others.

Usage: shares.py ROUNDS [FUNCTION PERCENT]: FUNCTION does so many percent more work.
"""

import sys


def thirty(count):
    value = 1
    for _ in range(count):
        value = (value * 31 + 7) & 0xFFFF
    return value


def ten(count):
    value = 1
    for _ in range(count):
        value = (value * 31 + 7) & 0xFFFF
    return value


def three(count):
    value = 1
    for _ in range(count):
        value = (value * 31 + 7) & 0xFFFF
    return value


def other(count):
    value = 1
    for _ in range(count):
        value = (value * 31 + 7) & 0xFFFF
    return value


def rest(count):
    value = 1
    for _ in range(count):
        value = (value * 31 + 7) & 0xFFFF
    return value


def main(rounds, slow, percent):
    work = {thirty: 3000, ten: 1000, three: 300, other: 4000, rest: 1700}
    for function in work:
        if function.__name__ == slow:
            work[function] += work[function] * percent // 100
    for _ in range(rounds):
        for function, count in work.items():
            function(count)


if __name__ == "__main__":
    main(int(sys.argv[1]), *(sys.argv[2:3] or [""]), int((sys.argv[3:4] or ["0"])[0]))
