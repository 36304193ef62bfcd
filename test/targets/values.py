"""Variables of every kind, whose values the target says as Python itself would write them."""

import array
import collections
import datetime
import enum
import functools
import json
import sys
import threading

from harness import hold

greeting = "hello"
numbers_of_module = [1, 2, 3]


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    HIGH = 9


class Store:
    kind = "a class attribute, which no instance holds"

    def __init__(self, name, rows):
        self.name = name
        self.rows = rows

    def get(self, key):
        return key


class Grown(Store):
    """Its instances get attributes that others lack, so that they have a dict of their own."""


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self):
        self.left = 1


class SlottedChild(Slotted):
    __slots__ = ("own",)

    def __init__(self):
        super().__init__()
        self.own = "mine"


class Text(str):
    pass


class Number(int):
    pass


class Listed(list):
    pass


class Tree:
    def __init__(self, child=None):
        self.child = child


class Failure(ValueError):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


Point = collections.namedtuple("Point", "x y")


def generate():
    yield 1


async def wait():
    pass


def scalars():
    nothing = None
    dots = ...
    refused = NotImplemented
    yes, no = True, False
    zero, one, minus, small = 0, 1, -1, 255
    digit, two_digits, big = 2**30 - 1, 2**30, 2**200 + 12345
    big_minus = -(3**150)
    half, tenth, third = 0.5, 0.1, 1 / 3
    huge, tiny, whole, exponent = 1e300, 5e-324, 3.0, 1e16
    minus_zero, below_exponent, fourth = -0.0, 1e-5, 0.0001
    infinite, minus_infinite, no_number = float("inf"), -float("inf"), float("nan")
    imaginary, complex_number, complex_minus = 2j, 1 + 2.5j, -0.5 - 1j
    empty, ascii, latin, cyrillic = "", "plain text", "caf\xe9 \xff", "\u043f\u0440\u0438\u0432\u0435\u0442"
    astral, quotes, both, escapes = "\U0001f40d snake", "it's", "it's \"so\"", "tab\t line\n back\\ \x1b"
    chinese = "\u4e2d\u6587" * 3
    data, empty_data, buffer = b"\x00\xffabc'", b"", bytearray(b"change\x7f")
    says = {name: repr(value) for name, value in locals().items()}
    hold(reprs=says)


def containers():
    empty_list, flat, mixed = [], [1, 2, 3], [None, "a", 1.5, [True, b"x"]]
    no_items, single, pair = (), (1,), ("a", 2)
    no_entries, word_keys, number_keys = {}, {"a": 1, "b": [2]}, {1: "one", (2, 3): None}
    emptied = {"gone": 1, "stays": 2}
    del emptied["gone"]
    empty_set, one_item, frozen = set(), {7}, frozenset({"x"})
    no_frozen = frozenset()
    removed = {1, 2}
    removed.discard(1)
    nested = {"list": [(1, {"deep": None})]}
    point = Point(3, "four")
    says = {name: repr(value) for name, value in locals().items()}
    many_items = {i for i in range(1000)}
    long_list = list(range(1000))
    long_text = "\u00e4" * 5000
    long_bytes = b"z" * 5000
    large_dict = {i: i for i in range(200_000)}
    huge_int = 7**10_000
    deep = [[[[[[1]]]]]]
    ordered = collections.OrderedDict(first=1)
    by_default = collections.defaultdict(list, a=[1])
    hold(reprs=says, bits=huge_int.bit_length())


def objects():
    store = Store("shop", [1, 2])
    grown = Grown("big", None)
    for i in range(40):
        setattr(grown, f"extra_{i}", i)
    dict_seen = Store("seen", ())
    vars(dict_seen)
    slotted, slotted_child = Slotted(), SlottedChild()
    text, number, listed = Text("sub"), Number(5), Listed([1])
    red, green, high = Colour.RED, Colour.GREEN, Level.HIGH
    failure = Failure("went wrong", 7)
    function, method, builtin = scalars, store.get, len
    bound_builtin = [].append
    lambda_function = lambda: None
    module, a_class, inner_class, builtin_class = json, Store, Colour, int
    generator, coroutine = generate(), wait()
    code = scalars.__code__
    partial = functools.partial(int, "5")
    span, a_slice = range(1, 10, 2), slice(1, None, 3)
    date, moment = datetime.date(2026, 11, 21), datetime.datetime(2026, 11, 21, 5, 38, 25, 123456)
    clock, delta = datetime.time(23, 59, 1), datetime.timedelta(days=-1, seconds=5, microseconds=7)
    doubles = array.array("d", [1.0, 2.0])
    plain = object()
    cycle = []
    cycle.append(cycle)
    tree = Tree()
    tree.child = Tree(tree)
    hold(ids={name: hex(id(value)) for name, value in locals().items()})
    coroutine.close()


def arguments(first, /, second, *rest, keyword, default="d", **others):
    local = first + second
    hold()


def closures():
    count = 0
    never_set = None
    del never_set
    unset_cell = None
    del unset_cell

    def inner(own):
        nonlocal count
        count += 1
        squares = [i * i + own for i in range(3)]
        hold()
        return unset_cell

    if count == 1:
        assigned_later = 1
    inner(10)
    return assigned_later


class Body:
    in_class = 5
    if "body" in sys.argv:
        hold()


def recursion(depth):
    if depth == 0:
        hold()
    else:
        recursion(depth - 1)


def comprehension():
    return [hold() or item for item in "a"]


def generators():
    def inner(argument):
        local = argument * 2
        hold()
        yield local

    return list(inner(21))


def secondary_thread():
    def work(job):
        arrived.set()
        threading.Event().wait()

    arrived = threading.Event()
    threading.Thread(target=work, args=("job-1",), name="worker-1", daemon=True).start()
    arrived.wait()
    hold()


if __name__ == "__main__" and sys.argv[1] != "body":
    {
        "scalars": scalars,
        "containers": containers,
        "objects": objects,
        "arguments": lambda: arguments(1, 2, 3, 4, keyword="k", extra=True),
        "closures": closures,
        "recursion": lambda: recursion(50),
        "comprehension": comprehension,
        "generators": generators,
        "threads": secondary_thread,
        "module": hold,
    }[sys.argv[1]]()
