"""Orders, and how to read them from a message."""

from dataclasses import dataclass

from orderdesk.catalog import article_number


@dataclass(frozen=True)
class Line:
    article: str
    quantity: int


@dataclass(frozen=True, eq=False)
class Basket:
    """What is to be priced. Two baskets are equal when they hold the same, in whatever sequence."""

    region: str
    lines: tuple[Line, ...]

    @property
    def contents(self) -> tuple[tuple[str, int], ...]:
        return tuple(sorted((article_number(line.article), line.quantity) for line in self.lines))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Basket):
            return NotImplemented
        return self.region == other.region and self.contents == other.contents

    def __hash__(self) -> int:
        return hash((self.region, self.contents))


@dataclass(frozen=True)
class Order:
    number: str
    customer: str
    basket: Basket


def parse(message: str) -> Order:
    """Reads `ORDER number customer region`, then one `article;quantity` a line."""
    head, *rest = message.split("\n")
    _, number, customer, region = head.split()
    lines = []
    for text in rest:
        article, _, quantity = text.partition(";")
        lines.append(Line(article, int(quantity)))
    return Order(number, customer, Basket(region, tuple(lines)))
