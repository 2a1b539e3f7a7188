"""Freed memory is kept where the user asks for it: a second run needs no fresh pages."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
import rnnlab as rl

layer = rl.LSTM.init(np.random.default_rng(0), inputs=2, hidden=100)
xs, dhs = np.ones((100, 16, 2)), np.ones((100, 16, 100))
kept = "keep" in sys.argv and rl.keep_freed_memory()
for run in range(6):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layer.backward(layer.forward(xs), dhs)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def fresh_pages(*arguments):
    """Whether memory is kept, and how many pages the system had to give for the last of six equal runs."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True)
    kept, pages = done.stdout.split()
    return kept == "True", int(pages)


@pytest.mark.skipif(sys.platform == "win32", reason="the count of fresh pages is Unix's")
def test_where_freed_memory_is_kept_a_run_needs_no_fresh_pages():
    kept, pages = fresh_pages("keep")
    if not kept:
        pytest.skip("this C library cannot keep freed memory")
    # The trace alone is 9 MB, 2,200 pages of 4 KiB; Python's own small objects may need one now and then.
    assert pages < 100


def test_nothing_is_kept_unless_asked_for():
    assert fresh_pages()[0] is False
