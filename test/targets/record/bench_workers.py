import time


def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_work():
    work(0.3)


def test_fails():
    assert work(0) == 1
