"""BLAS on one thread before NumPy loads, Matplotlib without a screen, Ctrl-C heard; examples and seconds for a test."""

import faulthandler
import gc
import os
import signal
import sys

# One thread unless the environment says otherwise: these products are too small to share, and two cores run two suites.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MPLBACKEND"] = "Agg"
sys.dont_write_bytecode = False  # else each program that a test starts compiles all of rnnlab anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts what runs in the background,
    signal.signal(signal.SIGINT, signal.default_int_handler)  # and what a test starts would not hear Ctrl-C either

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow: that says nothing about the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", patient, max_examples=10, derandomize=True)  # the README's: always the same
settings.register_profile("ci", patient, max_examples=100, derandomize=True)
settings.register_profile("quick", patient, max_examples=20)  # others in every run
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# The longest takes a minute or two on a busy machine; Hypothesis looks for a simpler failure for five minutes at most.
LONGEST = float(os.environ.get("LONGEST_TEST", "600"))
screen = pytest.StashKey[int]()


def pytest_configure(config):
    config.stash[screen] = os.dup(sys.__stderr__.fileno())  # before a test's own stderr takes its place


def pytest_collection_finish():
    """What is loaded by now stays: the garbage collector, which would walk through it again and again, passes it by."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture
def unrendered(monkeypatch):
    """Where a test reads what is said and written: no picture is laid out, which takes longer than all else."""
    monkeypatch.setattr("rnnlab.gallery.publish.rendered", lambda *_: b"a picture")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """A test that hangs shows the stacks of all threads and ends its process with a failure: no run waits for ever."""
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=item.config.stash[screen])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
