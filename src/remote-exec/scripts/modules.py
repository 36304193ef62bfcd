# Lists sys.modules. Reads the modules' own dictionaries, so that nothing lazy is loaded by it.


def pyprof_action(value, module, alive):
    sys = module("sys")
    module_type = type(sys)
    rows = []
    for name, each in sys.modules.copy().items():
        if not isinstance(name, str):
            continue
        if not isinstance(each, module_type):
            rows.append([name, "", "", "not a module: " + type(each).__name__])
            continue
        own = object.__getattribute__(each, "__dict__")
        file = own.get("__file__")
        spec = own.get("__spec__")
        origin = getattr(spec, "origin", None)
        version = own.get("__version__")
        if isinstance(file, str):
            kind = "extension" if file.endswith(".so") else "python"
        else:
            kind = origin if origin in ("built-in", "frozen") else "namespace or made"
        rows.append(
            [
                name,
                version if isinstance(version, str) else "",
                kind,
                file if isinstance(file, str) else "",
            ]
        )
    return {"columns": ["module", "version", "kind", "file"], "rows": rows, "facts": {}}
