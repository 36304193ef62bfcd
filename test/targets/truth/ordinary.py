"""Functions of ordinary length, 5 to 50 microseconds each."""

from rules import ready

TEXT = "id=42;name=lamp;price=19.99;stock=7;weight=1.5"


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
    for number in range(150):
        amount += order["price"] * number
    return amount


def render(order):
    lines = [f"{name}: {value}" for name, value in sorted(order.items())]
    return "\n".join(lines * 4)


def tax(amount):
    for _ in range(200):
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
