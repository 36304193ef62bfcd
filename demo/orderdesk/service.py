"""The desk itself: one thread takes orders in, a pool of workers turns them into invoices."""

import queue
import threading

from orderdesk.intake import messages
from orderdesk.invoices import render
from orderdesk.ledger import Ledger
from orderdesk.orders import parse
from orderdesk.pricing import Pricing

BACKLOG = 64


class OrderDesk:
    def __init__(self, workers: int) -> None:
        self.ledger = Ledger()
        self._pricing = Pricing()
        self._inbox: queue.Queue[str | None] = queue.Queue(BACKLOG)
        self._stopping = threading.Event()
        self._intake = threading.Thread(target=self._take_orders, name="intake")
        self._workers = [
            threading.Thread(target=self._work, name=f"worker-{number}")
            for number in range(1, workers + 1)
        ]

    def start(self) -> None:
        for thread in (*self._workers, self._intake):
            thread.start()

    def stop(self) -> None:
        """Finishes the orders that are in, and returns when every thread has ended."""
        self._stopping.set()
        self._intake.join()
        for worker in self._workers:
            worker.join()

    def _take_orders(self) -> None:
        for message in messages(seed=7):
            if self._stopping.is_set():
                break
            self._inbox.put(message)
        for _ in self._workers:
            self._inbox.put(None)

    def _work(self) -> None:
        while (message := self._inbox.get()) is not None:
            self._handle(message)

    def _handle(self, message: str) -> None:
        order = parse(message)
        quote = self._pricing.quote(order.basket)
        invoice = render(order, quote)
        self.ledger.book(invoice, quote.total)
