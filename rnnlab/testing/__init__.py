"""The laws that every layer obeys, as tests for yours. Needs Hypothesis: `pip install 'rnnlab[testing]'`.

A file of tests for a layer of your own, `test_mine.py`:

    import rnnlab.testing
    from mine import Mine
    TestMine = rnnlab.testing.laws(Mine.init)

`pytest test_mine.py` then tries every law on Mine: on layers as they are made, chaotic, saturated and vanished, with
one step, one sequence, D ≠ H. A law that fails prints the smallest case that breaks it. A module of PyTorch is a layer
by `from_torch`, and a law that yours need not obey is left out by its name, with the reason:

    TestGRU = rnnlab.testing.laws(rnnlab.testing.from_torch(torch.nn.GRU))
    TestMine = rnnlab.testing.laws(Mine.init, without=rnnlab.testing.COUPLED_BATCH)

`LAWS` are the laws by name, each a function of a `Case`; `cases(make)` is a strategy of them, `case(make, T=2, …)` one.
"""

from rnnlab.testing.cases import CONDITIONS, Case, case, cases
from rnnlab.testing.closeness import LawError
from rnnlab.testing.kinds import KINDS
from rnnlab.testing.pytorch import from_torch
from rnnlab.testing.suite import ABSOLUTE_TIME, COUPLED_BATCH, LAWS, NOT_HOLOMORPHIC, laws

__all__ = [
    "ABSOLUTE_TIME",
    "CONDITIONS",
    "COUPLED_BATCH",
    "KINDS",
    "LAWS",
    "NOT_HOLOMORPHIC",
    "Case",
    "LawError",
    "case",
    "cases",
    "from_torch",
    "laws",
]
