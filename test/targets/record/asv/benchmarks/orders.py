import time


def price(seconds=0.002):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


class Orders:
    # The same work each time, whatever the machine does.
    number = 50
    repeat = 2
    rounds = 1
    warmup_time = 0

    def time_price(self):
        price()

    def time_fails(self):
        raise RuntimeError("no such order")
