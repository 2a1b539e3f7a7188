"""Of many cases that are alike the README's command tries one in so many; `.ci/run` tries the others, too."""

from collections.abc import Iterable
from typing import Any

import pytest


def deep(*case: Any):
    """A case that takes long, or is much like another: with the marker of those that `.ci/run` alone tries."""
    return pytest.param(*case, marks=pytest.mark.deep)


def one_in(so_many: int, cases: Iterable[Any], *, first: int = 0) -> list[Any]:
    """All cases; each `so_many`-th, from the `first` on, without the marker."""
    return [
        case if number % so_many == first else deep(*(case if isinstance(case, tuple) else (case,)))
        for number, case in enumerate(cases)
    ]
