"""CLAIMS.png: its bars are the counts of the verdicts."""

import numpy as np
import pytest

from rnnlab.claims import scoreboard
from rnnlab.claims.claim import Claim, Judged, Part, Verdict
from rnnlab.claims.clause import NOT_RUN, SIGNS
from rnnlab.claims.number import Finding, at_most
from rnnlab.table import Table

FINDINGS = [
    Finding("confirmed"),
    Finding("confirmed"),
    Finding("contradicted"),
    Finding("undecided", "too noisy"),
    Finding("undecided", NOT_RUN),
    Finding("not tested", "too large"),
]


def verdict(name: str, findings: list[Finding]) -> Verdict:
    part = Part("A1", "all", "it is so", None, at_most(1.0))
    claim = Claim(name, "a long claim " * 20, (part,) * len(findings), (), "", "", "")
    return Verdict(claim, tuple(Judged(part, None, finding) for finding in findings))


@pytest.fixture
def board() -> Table:
    verdicts = [verdict("C1", FINDINGS), verdict("C2", [Finding("confirmed")] * 3)]
    return Table.parse(scoreboard.tally(verdicts).text())


def test_every_part_is_counted_once_by_what_it_came_to(board):
    counts = [[board[name.replace(" ", "_")][row] for name in SIGNS] for row in (0, 1)]
    assert counts == [[2, 1, 1, 1, 1], [3, 0, 0, 0, 0]]


def test_a_bar_has_its_claims_parts_side_by_side_each_with_its_count(board):
    ax = scoreboard.draw(board).axes[0]
    first, second = ([bar for bar in ax.patches if bar.get_y() == y] for y in sorted({b.get_y() for b in ax.patches}))
    np.testing.assert_allclose([bar.get_width() for bar in first], [2 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose([bar.get_x() for bar in first], [0, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    assert [bar.get_width() for bar in second] == [1.0]
    assert [text.get_text() for text in ax.texts] == ["✔2", "✘1", "?1", "…1", "–1", "✔3"]


def test_its_words_follow_from_the_counts(board):
    said = [text.get_text() for text in scoreboard.draw(board).texts]
    assert "Of 9 parts of 2 claims 5 are confirmed, 1 contradicted" in said
    assert "✔ confirmed 5      ✘ contradicted 1      ? undecided 1      … not run yet 1      – not tested 1" in said
    assert "all of C2.**" in scoreboard.caption(board)
