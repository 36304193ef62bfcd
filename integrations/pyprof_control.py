"""Lets a program switch the sampling of the pyprof that records it, and count what it does.

    pyprof record --control fifo:/tmp/ctl,/tmp/ack --control-start disabled -- python3 bench.py

    import pyprof_control

    with pyprof_control.sampled("parse", 1000):
        for _ in range(1000):
            parse()

Without a pyprof that listens all of this does nothing. The protocol is that of `perf record
--control`: a line is a command, each is answered by a line. Threads and processes that ask at the
same time get their own answers; but sampling is one switch, which they share.
"""

import contextlib
import fcntl
import os
import select
import threading
import time
import warnings

#: Where pyprof tells the commands that it starts what to talk to.
VARIABLE = "PYPROF_CONTROL"

#: So long may pyprof take to answer, or another process to get its answer, seconds.
PATIENCE = 30.0
#: Between two looks whether another process has got its answer, seconds.
TURN = 0.001


class Control:
    """A connection to a pyprof that records; without one it does nothing.

    spec is what --control was given, `fifo:CTL` or `fifo:CTL,ACK`; PYPROF_CONTROL when it is None.
    """

    def __init__(self, spec=None):
        spec = os.environ.get(VARIABLE, "") if spec is None else spec
        kind, _, paths = spec.partition(":")
        ctl, _, ack = paths.partition(",")
        self._ctl = self._ack = -1
        self._turn = threading.Lock()
        if not spec:
            return
        if kind != "fifo" or not ctl:
            raise ValueError(f"{VARIABLE} is {spec!r}, expected fifo:CTL or fifo:CTL,ACK")
        try:
            # Does not wait for a reader: without one there is no pyprof.
            self._ctl = os.open(ctl, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if ack:
                self._ack = os.open(ack, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._lose(f"cannot be reached: {error}")

    @property
    def connected(self):
        """Whether there is a pyprof that listens."""
        return self._ctl >= 0

    def enable(self):
        """Sampling is on when this returns."""
        return self._ask("enable")

    def disable(self):
        """Sampling is off when this returns."""
        return self._ask("disable")

    def mark(self, name, count=1):
        """Notes that what has this name was done so many more times."""
        name = " ".join(str(name).split()) or "unnamed"
        return self._ask(f"mark {name}\t{int(count)}")

    def ping(self):
        """Whether pyprof answers."""
        return self._ask("ping")

    @contextlib.contextmanager
    def sampled(self, name=None, count=1):
        """Samples the block, and marks it when it has ended without an exception."""
        self.enable()
        try:
            yield self
        finally:
            self.disable()
        if name is not None:
            self.mark(name, count)

    def close(self):
        for fd in (self._ctl, self._ack):
            if fd >= 0:
                os.close(fd)
        self._ctl = self._ack = -1

    def _ask(self, command):
        with self._turn:
            if self._ctl < 0:
                return False
            try:
                answer = self._exchange(f"{command}\n".encode(errors="backslashreplace"))
            except OSError as error:
                self._lose(f"does not answer: {error}")
                return False
        if answer != "ack":
            warnings.warn(f"pyprof: {command}: {answer}", RuntimeWarning, stacklevel=3)
        return answer == "ack"

    def _exchange(self, line):
        if self._ack < 0:
            os.write(self._ctl, line)
            return "ack"
        # The next answer in the FIFO is that of whoever has the lock.
        self._lock()
        try:
            self._drain()
            os.write(self._ctl, line)
            return self._answer()
        finally:
            fcntl.flock(self._ctl, fcntl.LOCK_UN)

    def _lock(self):
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(self._ctl, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("another process waits for its answer") from None
            time.sleep(TURN)

    def _drain(self):
        """Answers to somebody who did not wait for them."""
        if self._ack >= 0:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._ack, 4096):
                    pass

    def _answer(self):
        answer = b""
        until = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(self._ack, select.POLLIN)
        while not answer.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError(f"no answer within {PATIENCE:.0f} s")
            try:
                part = os.read(self._ack, 4096)
            except BlockingIOError:
                continue
            if not part:
                raise BrokenPipeError("it has ended")
            answer += part
        return answer.decode().rstrip("\n")

    def _lose(self, why):
        """What is measured must not fail because its profiler has ended."""
        self.close()
        warnings.warn(f"pyprof {why}; going on without", RuntimeWarning, stacklevel=3)


_control = None


def control():
    """The connection of this process; a fork makes its own."""
    global _control
    if _control is None or _control[0] != os.getpid():
        _control = (os.getpid(), Control())
    return _control[1]


def sampled(name=None, count=1):
    """Control.sampled of the connection of this process."""
    return control().sampled(name, count)
