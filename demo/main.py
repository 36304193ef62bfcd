"""The order desk as a program: python3 demo/main.py [--seconds N] [--workers N]"""

import argparse
import os
import signal
import threading

from orderdesk.service import OrderDesk


def main() -> None:
    parser = argparse.ArgumentParser(prog="orderdesk", description="Prices simulated orders.")
    parser.add_argument("--seconds", type=float, help="stop after this long (default: at SIGTERM)")
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    desk = OrderDesk(workers=options.workers)
    desk.start()
    print(f"ready: orderdesk takes orders, pid {os.getpid()}", flush=True)
    stop.wait(options.seconds)
    desk.stop()
    print(f"{desk.ledger.invoices} invoices, {desk.ledger.revenue} in total", flush=True)


if __name__ == "__main__":
    main()
