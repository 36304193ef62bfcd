"""Functions of ordinary length, 5 to 50 microseconds each."""

from rules import ready

TEXT = ";".join(f"field{number}={number}" for number in range(60)) + ";price=19.99;weight=1.5"


def parse(text):
    pairs = {}
    for field in text.split(";"):
        name, value = field.split("=")
        pairs[name] = value
    for name in ("price", "weight"):
        pairs[name] = float(pairs[name])
    return pairs


def total(order):
    amount = 0.0
    for number in range(400):
        amount += order["price"] * number
    return amount


def render(order):
    lines = [f"{name}: {value}" for name, value in sorted(order.items())]
    return "\n".join(lines)


def tax(amount):
    for _ in range(1000):
        amount *= 1.0001
    return amount


def handle(text):
    order = parse(text)  # -> parse
    amount = total(order)  # -> total
    order["tax"] = tax(amount)  # -> tax
    return render(order)  # -> render


def main():
    while True:
        handle(TEXT)  # -> handle


ready()
main()  # -> main
