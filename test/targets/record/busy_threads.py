"""The main thread waits; a thread `worker` waits elsewhere, on two lines in turn."""

import os
import signal
import threading
import time

signal.alarm(300)


def crunch():
    while True:
        time.sleep(0.02)
        time.sleep(0.02)


threading.Thread(target=crunch, name="worker", daemon=True).start()


def supervise():
    print("ready {}", flush=True)
    os.read(0, 1)


supervise()
