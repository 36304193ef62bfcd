# Lists the code objects that are alive: those of functions, generators, coroutines and running
# frames, those that any object that the collector tracks holds, and those nested in them.


def pyprof_action(value, module, alive):
    sys = module("sys")
    gc = module("gc")
    code_type = type((lambda: None).__code__)
    found = {}

    def take(code):
        todo = [code]
        while todo:
            code = todo.pop()
            if id(code) in found:
                continue
            found[id(code)] = code
            todo += [each for each in code.co_consts if type(each) is code_type]

    take(sys._getframe(2).f_code)
    own = list(found)
    stacks = sys._current_frames()
    for frame in stacks.values():
        while frame is not None:
            take(frame.f_code)
            frame = frame.f_back
    stacks.clear()
    objects = gc.get_objects()
    at = 0
    while at < len(objects):
        if not alive():
            raise TimeoutError("the time limit is over")
        for each in gc.get_referents(*objects[at : at + 4096]):
            kind = type(each)
            if kind is code_type:
                take(each)
            elif kind is tuple and not gc.is_tracked(each):
                for inner in each:
                    if type(inner) is code_type:
                        take(inner)
        at += 4096
    objects.clear()
    for each in own:
        del found[each]
    rows = []
    for code in found.values():
        if len(rows) % 1024 == 0 and not alive():
            raise TimeoutError("the time limit is over")
        last = first = code.co_firstlineno
        for _, _, line in code.co_lines():
            if line is not None and line > last:
                last = line
        rows.append([code.co_qualname, code.co_filename, first, last, "0x%x" % id(code)])
    found.clear()
    return {"columns": ["qualname", "file", "first", "last", "code"], "rows": rows, "facts": {}}
