"""Exceptions that unwind: `level_0` calls `level_1` and so on; the last one raises, `main` catches.

Every third level cleans up with a call of `note` on the way out.
"""

from harness import say

LEVELS = 30


class Unwound(Exception):
    pass


def note():
    pass


def source(level):
    if level == LEVELS - 1:
        return f"def level_{level}():\n    raise Unwound\n"
    if level % 3 == 0:
        body = f"    try:\n        level_{level + 1}()\n    finally:\n        note()\n"
    else:
        body = f"    level_{level + 1}()\n"
    return f"def level_{level}():\n{body}"


for level in range(LEVELS):
    exec(compile(source(level), "levels.py", "exec"))


def main():
    while True:
        try:
            level_0()  # noqa: F821
        except Unwound:
            note()


say("ready")
main()
