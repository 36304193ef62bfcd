"""Parses modules of the standard library and writes them out again: a program of many functions.

Usage: unparse.py ROUNDS
"""

import ast
import pathlib
import sys

MODULES = ("textwrap", "shlex", "heapq", "bisect", "fnmatch", "copy", "queue")


def main(rounds):
    library = pathlib.Path(ast.__file__).parent
    sources = [(library / f"{name}.py").read_text(encoding="utf-8") for name in MODULES]
    for _ in range(rounds):
        for source in sources:
            ast.unparse(ast.parse(source))


if __name__ == "__main__":
    main(int(sys.argv[1]))
