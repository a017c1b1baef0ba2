"""When Python looks for cyclic garbage, and what the C library keeps of freed memory."""

import contextlib
import ctypes
import gc

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def collect_seldom() -> None:
    """Before work that makes millions of small objects and few cycles: what is there now is not
    looked at again, and what comes is looked at more seldom. That saves a quarter of the time
    (measured).
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def share_arena() -> None:
    """Before threads start: all of them allocate from one arena. With one for each thread, what a
    thread freed stays with it: 5 % of a server's memory (measured). Only glibc has a word for it.
    """
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
