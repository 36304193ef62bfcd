# Switches the fault handler: on a crash (SIGSEGV, SIGFPE, SIGABRT, SIGBUS, SIGILL) Python writes the
# stacks of all threads to its stderr.


def pyprof_action(value, module, alive):
    faulthandler = module("faulthandler")
    old = faulthandler.is_enabled()
    note = ""
    if value == "on" and not old:
        faulthandler.enable()
    elif value == "off" and old:
        faulthandler.disable()
        note = "Switched on again it writes to stderr, whatever file it had."
    words = {True: "on", False: "off"}
    new = faulthandler.is_enabled()
    return {"old": words[old], "new": words[new], "undo": words[old], "note": note}
