"""The desk itself: orders are taken in, and a pool of workers turns them into invoices."""

import queue
import threading
from itertools import islice

from orderdesk.intake import messages
from orderdesk.invoices import render
from orderdesk.ledger import Ledger
from orderdesk.orders import parse
from orderdesk.pricing import Pricing

BATCH = 200
BACKLOG = 25


class OrderDesk:
    def __init__(self, workers: int) -> None:
        self.ledger = Ledger()
        self._inbox: queue.Queue[list[str] | None] = queue.Queue(BACKLOG)
        self._stopping = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, name=f"worker-{number}")
            for number in range(1, workers + 1)
        ]

    def run(self) -> None:
        """Takes orders until `stop` is called; returns when all that were taken are invoiced."""
        for worker in self._workers:
            worker.start()
        orders = messages(seed=7)
        while not self._stopping.is_set():
            self._inbox.put(list(islice(orders, BATCH)))
        for _ in self._workers:
            self._inbox.put(None)
        for worker in self._workers:
            worker.join()

    def stop(self) -> None:
        """May be called from any thread, and from a signal handler."""
        self._stopping.set()

    def _work(self) -> None:
        pricing = Pricing()
        while (batch := self._inbox.get()) is not None:
            for message in batch:
                self._handle(message, pricing)

    def _handle(self, message: str, pricing: Pricing) -> None:
        order = parse(message)
        quote = pricing.quote(order.basket)
        invoice = render(order, quote)
        self.ledger.book(invoice, quote.total)
