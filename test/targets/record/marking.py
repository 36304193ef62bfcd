"""Threads of several processes mark at the same time; ends with 0 when each got its own answers."""

import multiprocessing
import threading
import warnings

import pyprof_control

PROCESSES = 3
THREADS = 2
MARKS = 100


def mark(worker):
    control = pyprof_control.control()
    for _ in range(MARKS):
        assert control.mark("all", 2)
    assert control.mark(f"of {worker}")


def work(worker, together):
    warnings.simplefilter("error")
    together.wait()
    threads = [threading.Thread(target=mark, args=(worker,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What went wrong in a thread ends no process; without its answers the connection is lost.
    assert pyprof_control.control().ping()


if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(PROCESSES)
    workers = [
        spawn.Process(target=work, args=(worker, together)) for worker in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    raise SystemExit(max(worker.exitcode for worker in workers))
