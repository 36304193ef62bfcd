"""A WSGI application whose worker processes say `worker PID` on stdout when they have loaded it. A request
for `/hold` is never answered: its worker says `holding PID` and stays in `hold`."""

import os
import signal

os.write(1, f"worker {os.getpid()}\n".encode())


def hold():
    os.write(1, f"holding {os.getpid()}\n".encode()) and signal.pause()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        hold()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]
