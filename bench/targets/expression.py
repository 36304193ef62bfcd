"""Works out a large expression for ever, so that there are thousands of different stacks.

expression.py NODES [SEED]

Every node is worked out by a call from the one above it, at a line of its own where that has two or
three, and does a little work itself: never the same amount, so that no rhythm of a profiler meets the
same nodes again and again. With 3000 nodes the deepest stands on about 40 frames. The same tree every
time. Says `ready`.
"""

import random
import sys

from parent import die_with_parent


noise = 1


def spin(most):
    global noise
    noise = (noise * 48_271) % 2_147_483_647
    value = 1
    for _ in range(noise % most):
        value = (value * 31 + 7) & 0xFFFF
    return value


class Constant:
    def __init__(self, parts):
        self.number = 3

    def value(self):
        return spin(400) & self.number


class Negated:
    def __init__(self, parts):
        (self.part,) = parts

    def value(self):
        return -self.part.value() - spin(40)


class Sum:
    def __init__(self, parts):
        self.left, self.right = parts

    def value(self):
        left = self.left.value()
        right = self.right.value()
        return (left + right + spin(40)) & 0xFFFF


class Product:
    def __init__(self, parts):
        self.left, self.right = parts

    def value(self):
        product = self.left.value()
        product *= self.right.value()
        return (product + spin(40)) & 0xFFFF


class Clamped:
    def __init__(self, parts):
        self.part, self.low, self.high = parts

    def value(self):
        low = self.low.value()
        high = self.high.value()
        part = self.part.value()
        return max(min(part, max(low, high)), min(low, high))


KINDS = ((Negated, 1), (Sum, 2), (Product, 2), (Clamped, 3))


def tree(nodes, choose):
    """An expression of about so many nodes, deeper than it would be if its parts were alike."""
    if nodes < 4:
        return Constant(())
    kind, count = choose.choice(KINDS)
    sizes = [1] * count
    for _ in range(3):
        sizes[choose.randrange(count)] *= 3
    return kind([tree((nodes - 1) * size // sum(sizes), choose) for size in sizes])


def main(nodes, seed=1):
    die_with_parent()
    expression = tree(nodes, random.Random(seed))
    print("ready", flush=True)
    while True:
        expression.value()


sys.setrecursionlimit(10_000)
main(*(int(argument) for argument in sys.argv[1:]))
