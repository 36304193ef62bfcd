# Switches the cyclic garbage collector, or moves all objects that it tracks out of its sight
# (freeze) and back (unfreeze).


def pyprof_action(value, module, alive):
    gc = module("gc")
    if value == "freeze" or value == "unfreeze":
        old = gc.get_freeze_count()
        if value == "freeze":
            gc.freeze()
        else:
            gc.unfreeze()
        new = gc.get_freeze_count()
        note = ""
        if value == "freeze" and old:
            note = "unfreeze brings back those that were frozen before, too."
        elif value == "unfreeze":
            note = "freeze would freeze all that is alive then, not the same objects."
        return {
            "old": "%d frozen" % old,
            "new": "%d frozen" % new,
            "undo": "unfreeze" if value == "freeze" else "freeze",
            "note": note,
        }
    old = gc.isenabled()
    if value == "on":
        gc.enable()
    elif value == "off":
        gc.disable()
    words = {True: "on", False: "off"}
    return {"old": words[old], "new": words[gc.isenabled()], "undo": words[old], "note": ""}
