"""A gevent program; the first argument says what it does."""

import sys

import gevent
import gevent.pool
from gevent import pywsgi, socket
from harness import hold, say


def work():
    hold(stack=False)


def job():
    work()


def held():
    """The main greenlet waits for one that stays in `work`."""
    gevent.spawn(job).join()


def handle(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    work()
    return [b"done\n"]


def served():
    """A request is handled, in the greenlet that the server has made for it."""
    server = pywsgi.WSGIServer(("127.0.0.1", 0), handle, log=None)
    server.start()
    client = socket.create_connection(server.address)
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    client.recv(1024)


def in_hub():
    """All greenlets wait, the main one too: the hub runs."""
    gevent.spawn(gevent.sleep, 300)
    gevent.spawn(say, "ready")
    gevent.sleep(300)


def spin(turns):
    for _ in range(turns):
        pass


def busy():
    while True:
        spin(20000)
        gevent.sleep(0)


def by_turns():
    """A pool whose greenlets run by turns, while the main one waits."""
    pool = gevent.pool.Pool(5)
    for _ in range(5):
        pool.spawn(busy)
    gevent.spawn(say, "ready")
    pool.join()


globals()[sys.argv[1]]()
