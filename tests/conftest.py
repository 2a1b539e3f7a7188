"""BLAS on one thread before NumPy loads, Matplotlib without a screen, Ctrl-C heard, and how many examples are tried."""

import os
import signal

# One thread unless the environment says otherwise: these products are too small to share, and two cores run two suites.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MPLBACKEND"] = "Agg"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so a shell starts what runs in the background,
    signal.signal(signal.SIGINT, signal.default_int_handler)  # and what a test starts would not hear Ctrl-C either

from hypothesis import HealthCheck, settings

# A busy machine is slow: that says nothing about the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", patient, max_examples=25, derandomize=True)  # the README's: always the same
settings.register_profile("ci", patient, max_examples=200, derandomize=True)
settings.register_profile("quick", patient, max_examples=20)  # others in every run
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
