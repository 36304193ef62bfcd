"""Prices of baskets. The same baskets come again and again, so their quotes are kept."""

from collections import OrderedDict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from orderdesk.catalog import PRODUCTS, TAX, article_number, discount
from orderdesk.orders import Basket

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Quote:
    lines: tuple[tuple[str, int, Decimal], ...]
    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


class QuoteCache:
    """The most recently used quotes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._quotes: OrderedDict[Basket, Quote] = OrderedDict()

    def get(self, basket: Basket) -> Quote | None:
        if basket not in self._quotes:
            return None
        self._quotes.move_to_end(basket)
        return self._quotes[basket]

    def put(self, basket: Basket, quote: Quote) -> None:
        self._quotes[basket] = quote
        if len(self._quotes) > self._size:
            self._quotes.popitem(last=False)


class Pricing:
    """One worker's prices."""

    def __init__(self, cache_size: int = 1500) -> None:
        self._cache = QuoteCache(cache_size)

    def quote(self, basket: Basket) -> Quote:
        known = self._cache.get(basket)
        if known is not None:
            return known
        quote = self._calculate(basket)
        self._cache.put(basket, quote)
        return quote

    def _calculate(self, basket: Basket) -> Quote:
        lines = []
        for line in basket.lines:
            article = article_number(line.article)
            price = PRODUCTS[article] * line.quantity * (1 - discount(line.quantity))
            lines.append((article, line.quantity, price.quantize(CENT, ROUND_HALF_UP)))
        net = sum((price for _, _, price in lines), Decimal(0))
        tax = (net * TAX[basket.region]).quantize(CENT, ROUND_HALF_UP)
        return Quote(tuple(lines), net, tax)
