"""What a truth program may show, read from its own source.

A comment at the end of a line says what may hang on it:

    f(x)            # -> g h        while f's frame stands on this line, its child may be g or h
    yield           # under f       only a frame whose parent is f may stand on this line
    def f():        # <- g h        f is called by g or h, which are not of this file

A frame with a child may stand on no other line than one with that child; a frame without one may
stand anywhere in its function. Frames of other files may call each other as they like, except
those named in `library`.
"""

import ast
import os
import re
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import say  # noqa: E402

MARK = re.compile(r"#.*?(->|<-|under) ([^#]*)$")


def spans(tree):
    """Qualified name and first and last line of each function, the inner ones last."""
    found = [["<module>", 0, 1 << 30]]

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([child.lineno] + [d.lineno for d in child.decorator_list])
                found.append([prefix + child.name, first, child.end_lineno])
                visit(child, f"{prefix}{child.name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                visit(child, f"{prefix}{child.name}.")
            else:
                visit(child, prefix)

    visit(tree, "")
    return found


def read(source):
    """The rules of one source: functions, calls, lines and entries."""
    functions = spans(ast.parse(source))
    calls, under, entries = [], [], []
    for number, text in enumerate(source.splitlines(), 1):
        found = MARK.search(text)
        if not found:
            continue
        owner = [name for name, first, last in functions if first <= number <= last][-1]
        for name in found[2].split():
            if found[1] == "->":
                calls.append([owner, number, name])
            elif found[1] == "under":
                under.append([owner, number, name])
            else:
                entries.append([name, owner])
    return {"functions": functions, "calls": calls, "under": under, "entries": entries}


def ready(generated=(), **facts):
    """Says `ready` with the rules of the program, and of sources it has generated.

    generated -- sources, compiled with the program's own file name
    facts -- roots: names of outermost functions (default: <module>);
             library: for functions of other files, the only functions that may call them;
             counts: how often a function may be in a stack, least and most;
             complete: for a leaf, functions that must be in its stack so and so many times
    """
    file = os.path.abspath(sys.argv[0])
    with open(file, encoding="utf-8") as text:
        rules = read(text.read())
    for source in generated:
        more = read(source)
        rules["functions"] += more["functions"][1:]
        for kind in ("calls", "under", "entries"):
            rules[kind] += more[kind]
    jit = getattr(sys, "_jit", None)
    say("ready", file=file, jit=bool(jit and jit.is_enabled()), **rules, **facts)
