"""pytest plugin: samples only what benchmarks measure, and marks each with its test's id.

    pyprof record -s --control fifo:/tmp/ctl,/tmp/ack --control-start disabled -o bench.pyprof -- \
        env PYTHONPATH=integrations python3 -m pytest -p pyprof_pytest bench/

With pytest-benchmark the time of each `benchmark(...)` is sampled, and the mark counts its
iterations, with those of warm-up and calibration. Tests that do not use it are sampled as a whole
with the marker `pyprof`, or all of them with --pyprof-all, and count as one. With the workers of
pytest-xdist (`-n 2`) it is refused: sampling is one switch, and what one worker does not measure
would be sampled while another one measures.
"""

import pytest

import pyprof_control


def pytest_addoption(parser):
    parser.getgroup("pyprof").addoption(
        "--pyprof-all", action="store_true", help="sample every test, with or without a benchmark"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "pyprof: sample this test as a whole")
    # What pytest-xdist makes of `-n`; without it there is no such option.
    has_workers = config.getoption("dist", "no") != "no" and config.getoption("tx", None)
    if has_workers and pyprof_control.control().connected:
        raise pytest.UsageError(
            "pyprof_pytest cannot sample what several workers measure at once: sampling is one "
            "switch. Run without workers (-n 0); or sample all that they do: leave out "
            "`-p pyprof_pytest` and --control, and run pyprof record -s … -- pytest -n …"
        )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    has_benchmark = "benchmark" in getattr(item, "fixturenames", ())
    wanted = item.get_closest_marker("pyprof") or item.config.getoption("--pyprof-all")
    if has_benchmark or not wanted:
        yield
        return
    control = pyprof_control.control()
    control.enable()
    outcome = yield
    control.disable()
    if outcome.excinfo is None:
        control.mark(item.nodeid)


@pytest.fixture(autouse=True)
def _pyprof_benchmark(request):
    """Puts the switch around the runs of pytest-benchmark's fixture, not around what it reports."""
    if "benchmark" not in request.fixturenames:
        yield
        return
    benchmark = request.getfixturevalue("benchmark")
    control = pyprof_control.control()
    if not control.connected or not hasattr(benchmark, "_raw"):
        yield
        return
    done = [0]
    for name in ("_raw", "_raw_pedantic"):
        setattr(benchmark, name, _sampled(control, done, getattr(benchmark, name)))
    benchmark._make_runner = _counted(done, benchmark._make_runner)
    yield
    if done[0]:
        control.mark(request.node.nodeid, done[0])


def _counted(done, make_runner):
    """Counts all iterations: those of warm-up and calibration are sampled too."""

    def counted(*args, **kwargs):
        runner = make_runner(*args, **kwargs)

        def run(loops_range, *args, **kwargs):
            done[0] += len(loops_range) if loops_range else 1
            return runner(loops_range, *args, **kwargs)

        return run

    return counted


def _sampled(control, done, run):
    def sampled(*args, **kwargs):
        control.enable()
        try:
            return run(*args, **kwargs)
        finally:
            control.disable()
            # For its result the function is called once more than it is timed.
            if run.__name__ == "_raw" or kwargs.get("iterations", 1) > 1:
                done[0] += 1

    return sampled
