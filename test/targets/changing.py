"""Changes its variables all the time, so that each instant leaves a trace in them.

All items of `cells` are counted up, one after another: at any instant those at the front are one
further than those at the back, and no other pattern can be seen.
"""

import sys
import threading

from harness import line


def count(cells, total):
    step = 0
    while True:
        step += 1
        for index in range(total):
            cells[index] = step + 1_000_000


def run(threads):
    for _ in range(threads - 1):
        threading.Thread(target=count, args=([1_000_000] * 300, 300), daemon=True).start()
    print(line("ready"), flush=True)
    count([1_000_000] * 300, 300)


run(int(sys.argv[1]))
