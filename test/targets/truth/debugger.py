"""Traces a process as a debugger does, without stopping it. The argument is its pid. Says `ready`, and lets
it go when a line comes on stdin."""

import ctypes
import sys

from rules import say

PTRACE_SEIZE = 0x4206

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None) != 0:
    raise OSError(ctypes.get_errno(), "PTRACE_SEIZE")
say("ready")
sys.stdin.readline()
