# Lists the threads as Python itself sees them: those that threading knows, those that have frames.


def pyprof_action(value, module, alive):
    sys = module("sys")
    ident = module("_thread").get_ident()
    threading = sys.modules.get("threading")
    known = dict(getattr(threading, "_active", ()) or ())
    stacks = sys._current_frames()
    stacks[ident] = sys._getframe(3)
    rows = []
    for each in {**known, **stacks}:
        thread = known.get(each)
        own_dict = object.__getattribute__(thread, "__dict__") if thread is not None else {}
        native = own_dict.get("_native_id")
        frame = stacks.get(each)
        lines = []
        while frame is not None:
            code = frame.f_code
            lines.append("%s (%s:%d)" % (code.co_qualname, code.co_filename, frame.f_lineno or 0))
            frame = frame.f_back
        lines.reverse()
        name = own_dict.get("_name")
        rows.append(
            [
                name if isinstance(name, str) else "<not known to threading>",
                each,
                native if isinstance(native, int) else None,
                bool(own_dict.get("_daemonic")) if thread is not None else None,
                each == ident,
                lines,
            ]
        )
    stacks.clear()
    known.clear()
    facts = {"threading imported": threading is not None}
    return {
        "columns": ["name", "ident", "native", "daemon", "asked", "stack"],
        "rows": rows,
        "facts": facts,
    }
