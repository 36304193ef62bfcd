"""A fixed amount of work, as pytest-benchmark and pyperf time it.

Usage: python3 -m pytest harness.py, or harness.py with the options of pyperf.
"""


def work():
    value = 1
    for _ in range(20_000):
        value = (value * 31 + 7) & 0xFFFF
    return value


def test_work(benchmark):
    benchmark(work)


if __name__ == "__main__":
    import pyperf

    pyperf.Runner().bench_func("work", work)
