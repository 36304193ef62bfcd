"""A web application under load: a threaded HTTP server, asked without pause by a process of its own."""

import http.client
import mmap
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter_ns as now

import rules

CLIENTS = 2

# What the program's own clock says, for others to read: ns in each of these, a row a connection, so
# that no two threads write to one number.
CLOCKED = [["Clocked.send", "self"], ["Clocked.recv_into", "self"], ["route", "total"]]
SEND, RECEIVE, ROUTE = range(len(CLOCKED))
clock_fd = os.memfd_create("clock")
os.truncate(clock_fd, mmap.PAGESIZE)
clock = memoryview(mmap.mmap(clock_fd, mmap.PAGESIZE)).cast("q")


def price(item):
    amount = 0
    for number in range(600):
        amount += item * number
    return amount


def listing():
    return [price(item) for item in range(4)]  # -> price


def detail(item):
    text = []
    for number in range(200):
        text.append(f"{item}:{number}")
    return " ".join(text)


def route(path):
    if path == "/list":
        return str(listing())  # -> listing
    return detail(7)  # -> detail


class Clocked(socket.socket):
    """A connection whose system calls are timed."""

    row = 0

    def send(self, data):  # <- SocketIO.write
        began = now()
        sent = socket.socket.send(self, data)
        clock[self.row + SEND] += now() - began
        return sent

    def recv_into(self, buffer):  # <- SocketIO.readinto
        began = now()
        got = socket.socket.recv_into(self, buffer)
        clock[self.row + RECEIVE] += now() - began
        return got


class Server(ThreadingHTTPServer):
    daemon_threads = True
    connections = 0

    def get_request(self):  # <- BaseServer._handle_request_noblock
        accepted, address = ThreadingHTTPServer.get_request(self)  # -> TCPServer.get_request
        connection = Clocked(fileno=accepted.detach())  # -> socket.__init__
        connection.row = self.connections * len(CLOCKED)
        self.connections += 1
        return connection, address


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    """One segment a response: else the clients wait for delayed acknowledgements."""

    def do_GET(self):  # <- BaseHTTPRequestHandler.handle_one_request
        began = now()
        body = route(self.path).encode()  # -> route
        clock[self.connection.row + ROUTE] += now() - began
        self.send_response(200)  # -> BaseHTTPRequestHandler.send_response
        self.send_header("Content-Length", str(len(body)))  # -> BaseHTTPRequestHandler.send_header
        self.end_headers()  # -> BaseHTTPRequestHandler.end_headers
        self.wfile.write(body)

    def log_message(self, *_):  # <- BaseHTTPRequestHandler.log_request
        pass


def ask(port):
    """The load: its own process, which ends with its parent."""
    signal.alarm(300)
    parent = os.getppid()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    number = 0
    while os.getppid() == parent:
        connection.request("GET", "/list" if number % 2 else "/detail")
        connection.getresponse().read()
        number += 1
        if number == 100:
            os.write(warm, b".")


LIBRARY = {
    "BaseHTTPRequestHandler.handle_one_request": ["BaseHTTPRequestHandler.handle"],
    "BaseHTTPRequestHandler.handle": ["BaseRequestHandler.__init__"],
    "BaseRequestHandler.__init__": ["BaseServer.finish_request"],
    "BaseServer.finish_request": ["ThreadingMixIn.process_request_thread"],
    "ThreadingMixIn.process_request_thread": ["Thread.run"],
    "Thread.run": ["Thread._bootstrap_inner"],
    "Thread._bootstrap_inner": ["Thread._bootstrap"],
}

server = Server(("127.0.0.1", 0), Handler)
is_warm, warm = os.pipe()
for _ in range(CLIENTS):
    if os.fork() == 0:
        try:
            ask(server.server_address[1])
        except (OSError, http.client.HTTPException):
            pass  # the server has ended
        os._exit(0)
threading.Thread(target=server.serve_forever, daemon=True).start()  # -> Thread.start
for _ in range(CLIENTS):
    os.read(is_warm, 1)
rules.ready(
    roots=["<module>", "Thread._bootstrap"],
    library=LIBRARY,
    clock={"file": f"/proc/{os.getpid()}/fd/{clock_fd}", "rows": CLIENTS, "calls": CLOCKED},
)
os.read(is_warm, 1)
