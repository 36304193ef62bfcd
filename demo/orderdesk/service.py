"""The desk itself: workers take orders from their wires and turn them into invoices."""

import threading

from orderdesk.intake import messages
from orderdesk.invoices import render
from orderdesk.ledger import Ledger
from orderdesk.orders import parse
from orderdesk.pricing import Pricing


class OrderDesk:
    def __init__(self, workers: int) -> None:
        self.ledger = Ledger()
        self._stopping = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, args=(wire,), name=f"worker-{wire}")
            for wire in range(1, workers + 1)
        ]

    def run(self, seconds: float | None) -> None:
        """Works for so long, or until `stop` is called; finishes the orders that are begun."""
        for worker in self._workers:
            worker.start()
        self._stopping.wait(seconds)
        self.stop()
        for worker in self._workers:
            worker.join()

    def stop(self) -> None:
        """May be called from any thread, and from a signal handler."""
        self._stopping.set()

    def _work(self, wire: int) -> None:
        pricing = Pricing()
        for message in messages(wire):
            self._handle(message, pricing)
            if self._stopping.is_set():
                break

    def _handle(self, message: str, pricing: Pricing) -> None:
        order = parse(message)
        quote = pricing.quote(order.basket)
        invoice = render(order, quote)
        self.ledger.book(invoice, quote.total)
