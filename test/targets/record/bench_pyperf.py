import time

import pyperf


def price():
    until = time.perf_counter() + 0.02
    while time.perf_counter() < until:
        pass


def prepare():
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        pass


runner = pyperf.Runner()
prepare()
runner.bench_func("price", price)
