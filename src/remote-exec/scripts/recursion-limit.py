# Sets how deep Python calls may nest.


def pyprof_action(value, module, alive):
    sys = module("sys")
    old = sys.getrecursionlimit()
    if value is not None:
        sys.setrecursionlimit(int(value))
    new = sys.getrecursionlimit()
    return {"old": "%d" % old, "new": "%d" % new, "undo": "%d" % old, "note": ""}
