"""What the tests of `rnnlab.parallel` send to workers: at the top level of a module that a worker can import."""

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

import rnnlab as rl


class AwkwardError(Exception):
    """An exception that cannot be unpickled: its constructor wants two arguments and keeps one."""

    def __init__(self, one, two):
        super().__init__(one)


def raising(ys, targets):
    raise KeyError("no such phoneme")


def raising_awkwardly(ys, targets):
    raise AwkwardError("one", "two")


def leaving(ys, targets):
    sys.exit(3)


def exploding(ys, targets):
    return float("inf"), np.full_like(ys, np.inf)


def killed(ys, targets):
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once(mark, ys, targets):
    """Dies if it is the first to be called with this file."""
    try:
        Path(mark).touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    except FileExistsError:
        pass
    return rl.losses.squared_error(ys, targets)


def dying_in_the_middle_of_its_result():
    """Two bytes of the result are sent, then the worker dies."""

    def send(self, buffer):
        os.write(self.fileno(), bytes(buffer)[:2])
        os._exit(1)

    Connection._send = send


def blas_threads(_):
    return os.environ["OPENBLAS_NUM_THREADS"]


def member(seed):
    """One member of an ensemble: a small net after a few updates."""
    task = rl.tasks.Adding(8)
    network = rl.models.build(np.random.default_rng(seed), task, layer="gru", hidden=5)
    return rl.fit(network, task, updates=5, batch=8, seed=seed).network


def fitted(share):
    """Least squares on a share of the data: (xs, targets)."""
    return np.linalg.lstsq(*share, rcond=None)[0]


def failing_member(seed):
    if seed == 2:
        raise ValueError("seed 2 is unlucky")
    return seed


def failing_or_endless_member(seed):
    if seed == 1:
        raise ValueError("unlucky")
    time.sleep(600)


class FailingThere(rl.tasks.Adding):
    """The adding problem, whose loss fails on a worker process and nowhere else."""

    @classmethod
    def loss(cls, ys, targets):
        if multiprocessing.parent_process() is not None:
            cls.fail()
        return rl.losses.squared_error(ys, targets)


class Raising(FailingThere):
    @staticmethod
    def fail():
        raise KeyError("no such phoneme")


class Killed(FailingThere):
    @staticmethod
    def fail():
        os.kill(os.getpid(), signal.SIGKILL)


class Unsendable(rl.tasks.Adding):
    loss = staticmethod(lambda ys, targets: rl.losses.squared_error(ys, targets))
