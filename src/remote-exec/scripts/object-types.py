# Counts the objects that the garbage collector tracks, and their sizes, by type. Strings, numbers
# and other objects that hold no references are not tracked, and so not counted.


def pyprof_action(value, module, alive):
    sys = module("sys")
    gc = module("gc")
    getsizeof = sys.getsizeof
    types = {}
    unsized = 0
    objects = gc.get_objects()
    at = 0
    while at < len(objects):
        if not alive():
            raise TimeoutError("the time limit is over")
        for each in objects[at : at + 4096]:
            kind = type(each)
            row = types.get(id(kind))
            if row is None:
                row = types[id(kind)] = [kind, 0, 0]
            row[1] += 1
            try:
                row[2] += getsizeof(each)
            except Exception:
                unsized += 1
        at += 4096
    objects.clear()
    rows = []
    for kind, count, size in types.values():
        where = type.__getattribute__(kind, "__module__")
        name = type.__getattribute__(kind, "__qualname__")
        plain = not isinstance(where, str) or where == "builtins"
        rows.append([name if plain else where + "." + name, count, size])
    types.clear()
    rows.sort(key=lambda row: -row[2])
    facts = {"objects": sum([row[1] for row in rows])}
    if unsized:
        facts["without a size"] = unsized
    return {"columns": ["type", "count", "bytes"], "rows": rows, "facts": facts}
