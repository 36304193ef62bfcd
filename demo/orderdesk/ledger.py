"""What has been invoiced so far."""

import threading
import zlib
from decimal import Decimal


class Ledger:
    def __init__(self) -> None:
        self.invoices = 0
        self.revenue = Decimal(0)
        self._digest = 0
        self._lock = threading.Lock()

    def book(self, invoice: str, total: Decimal) -> None:
        """Counts an invoice and seals it into the running checksum."""
        with self._lock:
            self.invoices += 1
            self.revenue += total
            self._digest = zlib.crc32(invoice.encode(), self._digest)
