"""Parses modules of the standard library and writes them out again: a program of many functions.

Usage: unparse.py ROUNDS
"""

import ast
import pathlib
import sys

MODULES = ("textwrap", "shlex", "string", "heapq", "bisect", "fnmatch", "copy", "queue")


def main(rounds):
    library = pathlib.Path(ast.__file__).parent
    sources = []
    for name in MODULES:
        file = library / f"{name}.py"
        if file.exists():
            sources.append(file.read_text(encoding="utf-8"))
    for _ in range(rounds):
        for source in sources:
            ast.unparse(ast.parse(source))


if __name__ == "__main__":
    main(int(sys.argv[1]))
