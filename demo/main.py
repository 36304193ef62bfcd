"""The order desk as a program: python3 demo/main.py [--seconds N] [--workers N]"""

import argparse
import ctypes
import os
import signal

from orderdesk.service import OrderDesk


PR_SET_PTRACER = 0x59616D61


def allow(tracer: int) -> None:
    """Lets a process and its children look into this one.

    Where /proc/sys/kernel/yama/ptrace_scope is 1, as on Ubuntu, only root and a process's own
    parents may do so otherwise. Where there is no such rule the call fails and is not needed.
    """
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(tracer), 0, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="orderdesk", description="Prices simulated orders.")
    parser.add_argument("--seconds", type=float, help="stop after this long (default: at SIGTERM)")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--tracer", type=int, help="process that may profile this one, see below")
    options = parser.parse_args()
    if options.tracer is not None:
        allow(options.tracer)

    desk = OrderDesk(workers=options.workers)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: desk.stop())
    print(f"ready: orderdesk takes orders, pid {os.getpid()}", flush=True)
    desk.run(options.seconds)
    print(f"{desk.ledger.invoices} invoices, {desk.ledger.revenue} in total", flush=True)


if __name__ == "__main__":
    main()
