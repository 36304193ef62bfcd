# Sets how long a thread may keep the GIL while others wait for it.


def pyprof_action(value, module, alive):
    sys = module("sys")
    old = sys.getswitchinterval()
    if value is not None:
        sys.setswitchinterval(float(value))
    new = sys.getswitchinterval()
    return {"old": "%.9gs" % old, "new": "%.9gs" % new, "undo": "%.9gs" % old, "note": ""}
