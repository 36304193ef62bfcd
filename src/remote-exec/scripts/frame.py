# What stands around every script that pyprof runs in another Python. That has to go on afterwards as
# if nothing had been: nothing is imported that stays, nothing printed, no file left open, no name and
# no reference cycle left behind, and no exception of the program's own swallowed.


def pyprof_json(value):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return '"' + str.translate(value, pyprof_escapes) + '"'
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if value - value == 0 else "null"
    if isinstance(value, dict):
        items = [pyprof_json(key) + ":" + pyprof_json(value[key]) for key in value]
        return "{" + ",".join(items) + "}"
    return "[" + ",".join([pyprof_json(item) for item in value]) + "]"


def pyprof_module(name):
    # A built-in module. One that the program has not imported is made for this script alone; its state
    # is the interpreter's.
    import sys

    found = sys.modules.get(name)
    if found is not None:
        return found
    imp = sys.modules["_imp"]
    spec = sys.modules["_frozen_importlib"].ModuleSpec(name, None, origin="built-in")
    found = imp.create_builtin(spec)
    imp.exec_builtin(found)
    if sys.modules.get(name) is found:
        del sys.modules[name]
    pyprof_made.append(found)
    return found


def pyprof_signal_of(error):
    # A signal that came while the script ran has called its handler in here. What that raises is for
    # the program: the signal is raised again once the script is over. 0: the script's own error.
    if type(error) is KeyboardInterrupt:
        return 2
    at = error.__traceback__
    while at is not None and at.tb_frame.f_globals is globals():
        at = at.tb_next
    if at is None or at.tb_frame.f_code.co_argcount < 2:
        return 0
    code = at.tb_frame.f_code
    first, second = code.co_varnames[code.co_argcount - 2 : code.co_argcount]
    number = at.tb_frame.f_locals.get(first)
    if type(at.tb_frame.f_locals.get(second)) is not type(at.tb_frame):
        return 0
    return int(number) if isinstance(number, int) and 0 < number < 65 else 0


def pyprof_frame(action, value, folder, name, pid, deadline):
    # Returns the signals to raise again. The answer is JSON and a NUL, which says that it is whole.
    posix = pyprof_module("posix")
    clock = pyprof_module("time")
    if posix.getpid() != pid:
        return ()  # a child that was forked between the request and now
    try:
        answer = posix.open(folder + b"/answer", posix.O_WRONLY | posix.O_CLOEXEC)
    except OSError:
        return ()  # withdrawn
    script = folder + b"/" + name
    signals = ()
    started = clock.perf_counter_ns()
    try:
        # Who removes it first, pyprof that withdraws or this script, decides.
        try:
            posix.unlink(folder + b"/answer")
        except OSError:
            return ()
        if clock.time() > deadline:
            # pyprof was killed and could not withdraw.
            posix.unlink(script)
            posix.rmdir(folder)
            return ()
        pieces = []

        def alive():
            # False once pyprof does not wait any more.
            return posix.access(script, posix.F_OK, effective_ids=True)

        try:
            pieces.append('{"result":' + pyprof_json(action(value, pyprof_module, alive)))
        except BaseException as error:
            signal = pyprof_signal_of(error)
            if signal:
                signals = (signal,)
            at = error.__traceback__
            line = 0
            while at is not None:
                if at.tb_frame.f_globals is globals():
                    line = at.tb_lineno
                at = at.tb_next
            found = {
                "type": type(error).__name__,
                "message": str(error),
                "line": line,
                "signal": signal,
            }
            pieces = ['{"error":' + pyprof_json(found)]
        pieces.append(',"ns":%d}\0' % (clock.perf_counter_ns() - started))
        data = memoryview("".join(pieces).encode("utf-8", "backslashreplace"))
        try:
            while data and alive():
                data = data[posix.write(answer, data) :]
        except OSError as error:  # no space
            posix.ftruncate(answer, 0)
            found = {"type": "OSError", "message": str(error), "line": 0, "signal": 0}
            text = '{"error":' + pyprof_json(found) + ',"ns":0}\0'
            posix.lseek(answer, 0, posix.SEEK_SET)
            posix.write(answer, text.encode("utf-8", "backslashreplace"))
    finally:
        posix.close(answer)
    return signals
