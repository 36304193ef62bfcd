"""Functions that are compiled, called for a moment and freed, so that addresses of code objects come
back with other code.

Each generation has a number, and all that is known of its code follows from it: the file is
`reuse_N.py`; after N % 97 empty lines comes `leaf_N` of two lines, then, after one empty line,
`caller_N` of two lines.
"""

import sys
import time

from harness import say

LIFE = float(sys.argv[1])
"""Seconds that each generation runs."""


def generation(number):
    source = (
        "\n" * (number % 97)
        + f"def leaf_{number}(now, end):\n    while now() < end: pass\n\n"
        + f"def caller_{number}(now, end):\n    leaf_{number}(now, end)\n"
    )
    scope = {}
    exec(compile(source, f"reuse_{number}.py", "exec"), scope)
    now = time.perf_counter
    scope[f"caller_{number}"](now, now() + LIFE)


say("ready")
number = 0
while True:
    generation(number)
    number += 1
