"""pyperf hook: samples only what pyperf measures, and marks each benchmark with its loops.

    PYTHONPATH=integrations pyprof record -s --control fifo:/tmp/ctl,/tmp/ack \
        --control-start disabled -o bench.pyprof -- \
        python3 bench.py --hook pyprof --inherit-environ PYPROF_CONTROL

The folder of this file, with the dist-info beside it, has to be in PYTHONPATH, which pyperf hands on
to its workers. Workers that only calibrate are not sampled; warm-ups are, and count.
"""

import sys

from pyperf._hooks import HookBase, HookError

import pyprof_control

CALIBRATION = {
    "--calibrate-loops",
    "--recalibrate-loops",
    "--calibrate-warmups",
    "--recalibrate-warmups",
}


def _loops(argv):
    """What pyperf has told this worker; 0 when it did not."""
    for index, word in enumerate(argv):
        name, _, value = word.partition("=")
        if name in ("--loops", "-l"):
            text = value or (argv[index + 1] if index + 1 < len(argv) else "")
            return int(text) if text.isdigit() else 0
    return 0


class Hook(HookBase):
    def __init__(self):
        super().__init__()
        self._control = pyprof_control.control()
        self._calls = 0
        if not self._control.connected:
            raise HookError(
                "No pyprof listens. Run: pyprof record -s --control fifo:CTL,ACK … -- "
                "python3 … --hook pyprof --inherit-environ PYPROF_CONTROL"
            )
        self._measures = not CALIBRATION.intersection(sys.argv)

    def __enter__(self):
        if self._measures:
            self._control.enable()
            self._calls += 1

    def __exit__(self, _type, _value, _traceback):
        if self._measures:
            self._control.disable()

    def teardown(self, metadata):
        loops = _loops(sys.argv)
        if self._calls and loops:
            inner = metadata.get("inner_loops") or 1
            self._control.mark(metadata.get("name") or "benchmark", self._calls * loops * inner)
