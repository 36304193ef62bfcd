# Switches tracemalloc, which remembers for every block of memory allocated from now on where that was.


def pyprof_action(value, module, alive):
    tracemalloc = module("_tracemalloc")

    def state():
        if not tracemalloc.is_tracing():
            return "off"
        return "on:%d" % tracemalloc.get_traceback_limit()

    old = state()
    note = ""
    if value == "off":
        if old != "off":
            tracemalloc.stop()
            note = "What it had collected is gone."
    elif value is not None:
        frames = int(value.partition(":")[2] or 1)
        if old == "off":
            tracemalloc.start(frames)
        elif old != "on:%d" % frames and ":" in value:
            raise ValueError("it traces %s frames already; switch it off first" % old[3:])
    elif old != "off":
        note = "%d bytes traced now, %d at the most." % tracemalloc.get_traced_memory()
    return {"old": old, "new": state(), "undo": old, "note": note}
