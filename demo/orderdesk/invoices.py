"""Invoices as text, from templates."""

from string import Template

from orderdesk.orders import Order
from orderdesk.pricing import Quote

_PAGE = Template(
    """INVOICE $number
Customer $customer

$lines
            net  $net
            tax  $tax
          total  $total
"""
)


def render(order: Order, quote: Quote) -> str:
    """The invoice as it is sent."""
    lines = "\n".join(_line(*line) for line in quote.lines)
    return _PAGE.substitute(
        number=order.number,
        customer=order.customer,
        lines=lines,
        net=quote.net,
        tax=quote.tax,
        total=quote.total,
    )


def _line(article: str, quantity: int, price: object) -> str:
    return f"{article:<12}{quantity:>4} {price:>12}"
