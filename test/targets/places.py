"""Lines, columns, files and names that are hard to read. The argument names the place."""

import os
import sys

from harness import hold, line


def run(source, file):
    exec(compile(source, file, "exec"), {"hold": hold})


def long_module():
    """A location table of more than 4096 bytes."""
    run("value = 1\n" * 1000 + "hold()\n", "long_module.py")


def long_function():
    """A location table of some 100 KB."""
    body = "    value = 1\n" * 19_998
    run("def long_function():\n" + body + "    hold()\n\nlong_function()\n", "long_function.py")


def wide_columns():
    """Columns beyond what the short form of a table entry holds, in bytes and not in characters."""
    run('"é𠀀" * 100, ' + "1, " * 200 + "hold(), hold(" + " " * 200 + ")\n", "wide_columns.py")


def backwards():
    """Lines that go down and up again within one expression."""
    return [
        (
            hold(),
            value,
        )
        for value in (
            1,
            len(
                "two",
            ),
        )
        if value
    ]


def moving():
    """The line moves while the frame stays. No function is called that has a frame."""
    first, second, third = line("ready"), line("moved"), line("left")
    print(first, flush=True) or os.read(0, 1)
    print(second, flush=True) or os.read(0, 1)
    print(third, flush=True) or os.read(0, 1)


def spread():
    """One call over several lines, so that its place has an end line and both columns."""
    print(line("ready"), flush=True)
    number = 1 + len(
        os.read(
            0,
            1,
        )
    )
    return number


NAMES = {
    "latin": ("naïve_fünction", "/tmp/café/naïve.py"),
    "two_byte": ("функция_関数", "/tmp/папка/ファイル.py"),
    "four_byte": ("f_\U00020000\U0002a6d6", "/tmp/\U0001f4a9/\U0001f40d.py"),
    "long": ("n" * 1100, "/tmp/" + "folder/" * 213 + "n.py"),
    "long_four_byte": ("\U00020000" * 1100, "\U0001f40d" * 1500),
    "newline_in_file": ("plain", "/tmp/two\nlines; 3.py"),
    "surrogate_in_file": ("plain", "/tmp/undecodable-\udcff.py"),
}


def named(which):
    name, file = NAMES[which]
    run(f"\ndef {name}():\n    hold()\n\n{name}()\n", file)


if sys.argv[1] in NAMES:
    named(sys.argv[1])
else:
    globals()[sys.argv[1]]()
