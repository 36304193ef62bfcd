"""A process that starts others. Commands come on stdin, a JSON list each; the answer is `family` with
what each new process says of itself: its id, the id of its parent and the function in which it stays
until this process has ended. It says so from that very line.

- `fork`: a child and a grandchild, by os.fork
- `process METHOD`, `pool METHOD`: two processes, a pool of two, by multiprocessing
- `shell`: a Python behind a shell that stays
- `exec`: a child that waits in `before_exec`; `go` makes it run another program
- `many N`: so many children
- `short fork|spawn|exec COUNT`: so many children, one after the other, each waited for, that are busy in
  `short` for 50 ms of CPU time: copies of this process, new Pythons by subprocess, or copies that
  have called `before_short` and replace themselves by a new Python
- `run PROGRAM`: another program, which says a line when it is ready
- `wait PROGRAM ARGUMENT…`: the same twenty times, each waited for
- `leave`: this process ends, and leaves a child that stays until it is killed
"""

import ctypes
import json
import multiprocessing
import os
import subprocess
import sys
import time

from harness import say

# Nobody ever writes: reading lasts until the process is killed.
STAY, KEEP = os.pipe()
PYTHON = [sys.executable, "-S", "-B", __file__]


def die_with_parent():
    """Asks for SIGKILL when the parent ends (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, 9)


def who(function):
    die_with_parent()
    return json.dumps({"pid": os.getpid(), "parent": os.getppid(), "function": function})


def arrive(to, function):
    return os.write(to, f"{who(function)}\n".encode())


def read_line(fd):
    text = b""
    while not text.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            raise EOFError(text)
        text += byte
    return json.loads(text)


def fork(function, *arguments):
    """Runs a function in a child; what the child says when it is in position."""
    arrivals, to = os.pipe()
    if os.fork() == 0:
        os.close(arrivals)
        try:
            function(to, *arguments)
        finally:
            os._exit(0)
    os.close(to)
    facts = read_line(arrivals)
    os.close(arrivals)
    return facts


def in_child(to):
    arrive(to, "in_child") and os.read(STAY, 1)


def in_grandchild(to):
    arrive(to, "in_grandchild") and os.read(STAY, 1)


def with_grandchild(to, arrived):
    grandchild = fork_from_child(in_grandchild)
    os.write(arrived, f"{json.dumps(grandchild)}\n".encode())
    arrive(to, "with_grandchild") and os.read(STAY, 1)


def fork_from_child(function):
    arrivals, to = os.pipe()
    if os.fork() == 0:
        os.close(arrivals)
        function(to)
        os._exit(0)
    os.close(to)
    return read_line(arrivals)


def command_fork():
    arrivals, to = os.pipe()
    child = fork(with_grandchild, to)
    return [fork(in_child), child, read_line(arrivals)]


def in_process(connection):
    connection.send(who("in_process")) or connection.recv()


def command_process(method):
    context = multiprocessing.get_context(method)
    family = []
    for _ in range(2):
        here, there = context.Pipe()
        context.Process(target=in_process, args=(there,), daemon=True).start()
        family.append(json.loads(here.recv()))
        connections.append(here)
    return family


def in_pool(place):
    own = queues[place]
    own[0].put(who("in_pool")) or own[1].get()


def share(shared):
    queues.extend(shared)


def command_pool(method):
    context = multiprocessing.get_context(method)
    shared = [(context.SimpleQueue(), context.SimpleQueue()) for _ in range(2)]
    pool = context.Pool(2, share, (shared,))
    connections.append((pool, shared))
    pool.map_async(in_pool, range(2), 1)
    return [json.loads(answers.get()) for answers, _ in shared]


def in_shell(to, stay):
    arrive(to, "in_shell") and os.read(stay, 1)


def command_shell():
    arrivals, to = os.pipe()
    script = ["sh", "-c", '"$@"; true', "sh", *PYTHON, "in_shell", str(to), str(STAY)]
    connections.append(subprocess.Popen(script, pass_fds=(to, STAY)))
    return [read_line(arrivals)]


def before_exec(to, go):
    arrive(to, "before_exec") and os.read(go, 1)
    os.set_inheritable(to, True)
    os.set_inheritable(STAY, True)
    os.execv(PYTHON[0], [*PYTHON, "after_exec", str(to), str(STAY)])


def after_exec(to, stay):
    arrive(to, "after_exec") and os.read(stay, 1)


def command_exec():
    arrivals, to = os.pipe()
    go, let_go = os.pipe()
    connections.append((arrivals, let_go))
    if os.fork() == 0:
        before_exec(to, go)
    os.close(to)
    return [read_line(arrivals)]


def command_go():
    arrivals, let_go = connections[-1]
    os.write(let_go, b".")
    return [read_line(arrivals)]


def one_of_many(to):
    arrive(to, "one_of_many") and os.read(STAY, 1)


def command_many(count):
    return [fork(one_of_many) for _ in range(int(count))]


def short():
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass


def before_short():
    os.execv(PYTHON[0], [*PYTHON, "short"])


def short_child(how):
    if how == "spawn":
        child = subprocess.Popen([*PYTHON, "short"])
        child.wait()
        return child.pid
    child = os.fork()
    if child == 0:
        try:
            short() if how == "fork" else before_short()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return child


def command_short(how, count):
    children = [short_child(how) for _ in range(int(count))]
    return [{"pid": pid, "parent": os.getpid(), "function": "short"} for pid in children]


def command_run(program):
    child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    connections.append(child)
    child.stdout.readline()
    return [{"pid": child.pid, "parent": os.getpid(), "function": ""}]


def command_wait(*program):
    for _ in range(20):
        subprocess.run(program, check=True)
    return []


def left_behind(to):
    never, _ = os.pipe()
    facts = {"pid": os.getpid(), "parent": os.getppid(), "function": "left_behind"}
    os.write(to, f"{json.dumps(facts)}\n".encode()) and os.read(never, 1)


def command_leave():
    say("family", family=[fork(left_behind)])
    os._exit(0)


connections = []
queues = []


def main():
    say("ready")
    while True:
        command, *arguments = read_line(0)
        say("family", family=globals()[f"command_{command}"](*arguments))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        globals()[sys.argv[1]](*map(int, sys.argv[2:]))
    else:
        main()
