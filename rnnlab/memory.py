"""Memory that is used again: what a run has freed is kept for the next one, where the user asks for it."""

import ctypes
import sys

MMAP_MAX, TRIM_THRESHOLD = -4, -1
"""M_MMAP_MAX and M_TRIM_THRESHOLD of glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Ask the C library to keep what this process frees for its next arrays, until it ends; say whether it does.

    A trace and its gradients are freed after every update and made again for the next. By itself glibc hands large
    arrays back to the system in between, and gets them back as fresh pages, which the system clears first: 30 % of
    the time of an LSTM's forward and backward at (T, B, D, H) = (100, 16, 2, 100) in float32, 20 % at
    (1000, 50, 2, 128). The price: the process stays as large as it was at its largest.

    It holds for everything in the process, so the library never calls it by itself. The command `rnnlab train` does:
    that process is its own. Without a line of Python:
    `MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=9999999999 python …`. Only glibc, on Linux, can do it; elsewhere nothing
    changes and the answer is False. Source: mallopt(3).
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # musl
        return False
    # no array in a mapping of its own, and a heap that is never given back
    return bool(library.mallopt(MMAP_MAX, 0) and library.mallopt(TRIM_THRESHOLD, -1))
