import time

import pytest


def price(seconds=0.002):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def prepare():
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        pass


def test_price(benchmark):
    prepare()
    benchmark(price)


def test_pedantic(benchmark):
    benchmark.pedantic(price, rounds=5, iterations=2, warmup_rounds=2)


@pytest.mark.pyprof
def test_marked():
    price(0.05)


def test_fails():
    prepare()
    assert False
