"""What is sold, where to, and at which price."""

from decimal import Decimal

REGIONS = ("NORTH", "SOUTH", "ISLES")
TAX = {"NORTH": Decimal("0.19"), "SOUTH": Decimal("0.21"), "ISLES": Decimal("0.07")}
_FAMILIES = ("BOLT", "CABLE", "FILTER", "GASKET", "HINGE", "LAMP", "PUMP", "VALVE")

#: Unit prices by article number.
PRODUCTS = {
    f"{family}-{size:03}": Decimal(size * (index + 3)) / 20
    for index, family in enumerate(_FAMILIES)
    for size in range(10, 200, 10)
}

#: From this quantity on, this share of the price is taken off; the last that applies counts.
DISCOUNTS = ((10, Decimal("0.02")), (20, Decimal("0.05")), (35, Decimal("0.08")))


def article_number(text: str) -> str:
    """The article number that a customer meant: case, blanks and dashes are not theirs to know."""
    words = text.strip().upper().replace("-", " ").split()
    return "-".join(words)


def discount(quantity: int) -> Decimal:
    """The share that a quantity takes off the price of its line."""
    share = Decimal(0)
    for threshold, value in DISCOUNTS:
        if quantity >= threshold:
            share = value
    return share
