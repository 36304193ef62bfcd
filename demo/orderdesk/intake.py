"""Where orders come from: here a simulated wire, one order a message."""

import random
from collections.abc import Iterator

from orderdesk.catalog import PRODUCTS, REGIONS

CUSTOMERS = 400
BASKETS_PER_CUSTOMER = 3


def messages(seed: int) -> Iterator[str]:
    """Orders without end; most customers order what they always order, in whatever sequence."""
    chance = random.Random(seed)
    habits = {
        customer: [_basket(chance) for _ in range(BASKETS_PER_CUSTOMER)]
        for customer in range(CUSTOMERS)
    }
    number = 0
    while True:
        number += 1
        customer = chance.randrange(CUSTOMERS)
        lines = list(chance.choice(habits[customer]))
        chance.shuffle(lines)
        region = REGIONS[customer % len(REGIONS)]
        yield "\n".join([f"ORDER {number} C{customer:04} {region}", *lines])


def _basket(chance: random.Random) -> list[str]:
    products = chance.sample(sorted(PRODUCTS), chance.randint(4, 14))
    return [f"{_as_typed(sku, chance)};{chance.randint(1, 40)}" for sku in products]


def _as_typed(sku: str, chance: random.Random) -> str:
    return chance.choice([sku, sku.lower(), sku.replace("-", " "), f" {sku}"])
