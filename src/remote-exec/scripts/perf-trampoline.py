# Switches the perf trampoline: a piece of native code of its own for every Python function called
# from now on, listed in /tmp/perf-PID.map, so that perf and other native profilers can name them.


def pyprof_action(value, module, alive):
    sys = module("sys")
    old = sys.is_stack_trampoline_active()
    if value == "on" and not old:
        sys.activate_stack_trampoline("perf")
    elif value == "off" and old:
        sys.deactivate_stack_trampoline()
    new = sys.is_stack_trampoline_active()
    note = ""
    if new and not old:
        note = "Functions that run already get no trampoline before their next call."
    elif old and not new:
        note = "The map file stays where Python wrote it."
    words = {True: "on", False: "off"}
    return {"old": words[old], "new": words[new], "undo": words[old], "note": note}
