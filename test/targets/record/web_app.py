"""A WSGI application whose worker processes say `worker PID` on stdout when they have loaded it."""

import os

os.write(1, f"worker {os.getpid()}\n".encode())


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]
