"""Functions that are compiled, run for some microseconds and freed, so that addresses of code objects
come back with other code.

Each generation has a number N, and everything that can be seen of its code follows from it: the file is
`gen_N.py`; after N % 97 empty lines come `leaf_N` of two lines, `caller_N` of two lines, and the
module's call of `caller_N` in one.
"""

import time

from rules import ready

LIFE = 100e-6


def generation(number):
    source = (
        "\n" * (number % 97)
        + f"def leaf_{number}(now, end):\n    while now() < end: pass\n"
        + f"def caller_{number}(now, end):\n    leaf_{number}(now, end)\n"
        + f"caller_{number}(now, now() + {LIFE})\n"
    )
    exec(compile(source, f"gen_{number}.py", "exec"), {"now": time.perf_counter})


def main():
    number = 0
    while True:
        generation(number)
        number += 1


ready()
main()
