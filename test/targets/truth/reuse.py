"""Functions that are compiled, run and freed, so that addresses of code objects come back with other code.

reuse.py TURNS

The leaf makes TURNS turns of an empty loop, 6 to 10 ns each.

Each generation has a number N, and everything that can be seen of its code follows from it: the file is
`gen_N.py`; after N % 97 empty lines come `leaf_N` of two lines, `caller_N` of two lines, and the
module's call of `caller_N` in one.
"""

import sys

from rules import ready

TURNS = int(sys.argv[1])


def generation(number):
    source = (
        "\n" * (number % 97)
        + f"def leaf_{number}():\n    for _ in range({TURNS}): pass\n"
        + f"def caller_{number}():\n    leaf_{number}()\n"
        + f"caller_{number}()\n"
    )
    exec(compile(source, f"gen_{number}.py", "exec"), {})


def main():
    number = 0
    while True:
        generation(number)
        number += 1


ready()
main()
