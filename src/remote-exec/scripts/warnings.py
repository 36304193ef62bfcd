# Lists the warnings that were given so far, as the modules' registries tell, and the filters.


def pyprof_action(value, module, alive):
    sys = module("sys")
    module_type = type(sys)
    rows = []
    for name, each in sys.modules.copy().items():
        if not isinstance(each, module_type):
            continue
        registry = object.__getattribute__(each, "__dict__").get("__warningregistry__")
        if not isinstance(registry, dict):
            continue
        for key in registry.copy():
            if not isinstance(key, tuple) or len(key) != 3:
                continue
            text, category, line = key
            rows.append(
                [
                    getattr(category, "__name__", "?"),
                    name if isinstance(name, str) else "?",
                    line if isinstance(line, int) else 0,
                    text if isinstance(text, str) else type(text).__name__,
                ]
            )
    filters = []
    for rule in list(getattr(sys.modules.get("warnings"), "filters", ())):
        if isinstance(rule, tuple) and len(rule) == 5:
            action, message, category, where, line = rule
            parts = [action, getattr(message, "pattern", message) or "", category.__name__]
            parts += [getattr(where, "pattern", where) or "", line or ""]
            filters.append(":".join([str(part) for part in parts]).rstrip(":"))
    facts = {"filters": "; ".join(filters) or "none", "-W": "; ".join(sys.warnoptions) or "none"}
    return {"columns": ["category", "module", "line", "message"], "rows": rows, "facts": facts}
