"""Does nothing with its arguments, which stay in its command line.

With `burst` as the first one it is busy for a moment, and so is a child of the same arguments.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from harness import hold


def burst():
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass


def main(what="", *rest):
    if what != "burst":
        hold()
    else:
        burst()
        if "child" not in rest:
            subprocess.run([sys.executable, __file__, "burst", *rest, "child"], check=True)


main(*sys.argv[1:])
