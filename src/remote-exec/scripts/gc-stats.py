# Tells how the garbage collector is set and what it has done.


def pyprof_action(value, module, alive):
    gc = module("gc")
    threshold = gc.get_threshold()
    count = gc.get_count()
    rows = []
    for generation, stats in enumerate(gc.get_stats()):
        rows.append(
            [
                generation,
                stats.get("collections"),
                stats.get("collected"),
                stats.get("uncollectable"),
                threshold[generation] if generation < len(threshold) else None,
                count[generation] if generation < len(count) else None,
            ]
        )
    facts = {
        "enabled": gc.isenabled(),
        "frozen objects": gc.get_freeze_count(),
        "debug flags": gc.get_debug(),
        "garbage": len(gc.garbage),
        "callbacks": len(gc.callbacks),
    }
    columns = ["generation", "collections", "collected", "uncollectable", "threshold", "count"]
    return {"columns": columns, "rows": rows, "facts": facts}
