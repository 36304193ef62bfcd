"""Where orders come from: here simulated wires, one order a message."""

import random
from collections.abc import Iterator

from orderdesk.catalog import PRODUCTS, REGIONS

CUSTOMERS = 400
BASKETS_PER_CUSTOMER = 3
SEQUENCES_PER_BASKET = 4


def messages(wire: int) -> Iterator[str]:
    """Orders without end; most customers order what they always order, in whatever sequence."""
    chance = random.Random(wire)
    habits = [body for customer in range(CUSTOMERS) for body in _habits(customer, chance)]
    number = 0
    while True:
        number += 1
        yield f"ORDER {wire}-{number} {chance.choice(habits)}"


def _habits(customer: int, chance: random.Random) -> Iterator[str]:
    region = REGIONS[customer % len(REGIONS)]
    for _ in range(BASKETS_PER_CUSTOMER):
        products = chance.sample(sorted(PRODUCTS), chance.randint(4, 14))
        lines = [f"{_as_typed(sku, chance)};{chance.randint(1, 40)}" for sku in products]
        for _ in range(SEQUENCES_PER_BASKET):
            chance.shuffle(lines)
            yield "\n".join([f"C{customer:04} {region}", *lines])


def _as_typed(sku: str, chance: random.Random) -> str:
    return chance.choice([sku, sku.lower(), sku.replace("-", " "), f" {sku}"])
