# Switches the debug mode of the event loops that run: slow callbacks, coroutines that were never
# awaited and calls from a wrong thread are logged. A loop is found where a thread runs it.


def pyprof_action(value, module, alive):
    sys = module("sys")
    loops = []

    def note_loop(loop):
        kind = type(loop)
        if hasattr(kind, "set_debug") and hasattr(kind, "get_debug"):
            if not [1 for other in loops if other is loop]:
                loops.append(loop)

    events = sys.modules.get("_asyncio")
    running = events._get_running_loop() if events is not None else None
    if running is not None:
        note_loop(running)
    stacks = sys._current_frames()
    for frame in stacks.values():
        while frame is not None:
            name = frame.f_code.co_qualname
            if name == "BaseEventLoop.run_forever":
                note_loop(frame.f_locals.get("self"))
            elif name == "Runner.run":
                note_loop(getattr(frame.f_locals.get("self"), "_loop", None))
            frame = frame.f_back
    stacks.clear()
    if not loops:
        raise LookupError("no thread runs an asyncio event loop")
    words = {True: "on", False: "off"}
    old = [words[bool(loop.get_debug())] for loop in loops]
    if value is not None:
        for loop in loops:
            loop.set_debug(value == "on")
    new = [words[bool(loop.get_debug())] for loop in loops]
    same = not [1 for each in old if each != old[0]]
    note = "%d event loops." % len(loops) if len(loops) > 1 else ""
    if not same:
        note += " They differed, so that there is no one command to undo it."
    return {
        "old": old[0] if same else ", ".join(old),
        "new": new[0] if len(set(new)) == 1 else ", ".join(new),
        "undo": old[0] if same else None,
        "note": note,
    }
