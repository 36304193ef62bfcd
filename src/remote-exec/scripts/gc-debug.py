# Sets what the garbage collector writes to stderr about its work, and whether it keeps what it finds.


def pyprof_action(value, module, alive):
    gc = module("gc")
    flags = {
        "stats": gc.DEBUG_STATS,
        "collectable": gc.DEBUG_COLLECTABLE,
        "uncollectable": gc.DEBUG_UNCOLLECTABLE,
        "saveall": gc.DEBUG_SAVEALL,
    }

    def named(bits):
        return ",".join([name for name in flags if bits & flags[name]]) or "off"

    old = gc.get_debug()
    note = ""
    if value is not None:
        bits = 0
        for name in value.split(","):
            bits |= flags.get(name, 0)
        gc.set_debug(bits)
        if bits & gc.DEBUG_SAVEALL:
            note = "saveall keeps all garbage in gc.garbage: memory grows until it is emptied."
    new = gc.get_debug()
    return {"old": named(old), "new": named(new), "undo": named(old), "note": note}
