"""A test that waits for ever fails, and shows where it waits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WAITING = """
import threading

def test_waiting():
    threading.Event().wait()
"""


@pytest.mark.deep
def test_a_test_that_hangs_fails_and_shows_where(tmp_path):
    (tmp_path / "test_it.py").write_text(WAITING, encoding="utf-8")
    configuration = Path(__file__).parents[1] / "pyproject.toml"
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c", str(configuration)]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "LONGEST_TEST": "0.5"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Timeout (0:00:00.500000)!" in done.stderr
    assert 'test_it.py", line 5 in test_waiting' in done.stderr
