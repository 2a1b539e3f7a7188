"""The sentence that a group of parts is told in, as their outcomes choose it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rnnlab.gallery.captions import listed

NOT_RUN = "not run yet"
SIGNS = {"confirmed": "✔", "contradicted": "✘", "undecided": "?", NOT_RUN: "…", "not tested": "–"}
"""Of how a part stands: its outcome, or that its runs are still to be made."""
MANY = 3
"""More parts that have not been run are counted, not named."""


class Told(NamedTuple):
    """What a sentence tells of a part.

    Attributes:
        standing: its outcome, or `NOT_RUN`.
        label: its name, where only some of the group's parts hold.
        number: its number in words; empty if it is not told.
        why: why it is undecided.
    """

    standing: str
    label: str = ""
    number: str = ""
    why: str = ""


@dataclass(frozen=True)
class Clause:
    """What a group of parts says, in a sentence: one of five, which their outcomes choose.

    Attributes:
        group: the parts that it tells.
        yes: all are confirmed.
        no: all are contradicted.
        unknown: none is decided.
        some: some are confirmed: {which} by their labels, or {k} of the {n} that have been run.
        others: some are contradicted: {which}. Beside `some`, if some are confirmed too; then what is left open.
    """

    group: str
    yes: str
    no: str
    unknown: str
    some: str = ""
    others: str = ""

    def of(self, parts: Sequence[Told]) -> str:
        """The sentence that these parts of the group choose."""
        yes, no, undecided, waiting, untested = (
            [part for part in parts if part.standing == one]
            for one in ("confirmed", "contradicted", "undecided", NOT_RUN, "not tested")
        )
        against = SIGNS["contradicted"]
        if len(yes) == len(parts):
            return _noted(self.yes, _notes(yes))
        if len(no) == len(parts):
            return _noted(self.no, [against, *_notes(no)])
        if len(waiting) == len(parts):
            return _noted(self.unknown, [NOT_RUN])
        said = []
        if not yes and not no:
            said.append(_noted(self.unknown, _notes(undecided)))
        elif not self.others:
            run = len(yes) + len(no) + len(undecided)
            counted = self.some.format(k=len(yes) or "none", n=run)
            return _noted(counted, [f"{len(undecided)} undecided"] if undecided else [])
        else:
            if yes:
                said.append(self.some.format(which=listed(_named(yes))))
            if no:
                said.append(_noted(self.others.format(which=listed(_named(no))), [against]))
            for why in dict.fromkeys(part.why for part in undecided):
                names = _named([part for part in undecided if part.why == why])
                said.append(f"undecided{f', {why}' if why else ''}: {', '.join(names)}")
        for left, word in ((waiting, NOT_RUN), (untested, "not tested")):
            if left and left[0].label:
                said.append(f"{word}: {', '.join(_named(left)) if len(left) <= MANY else f'{len(left)} others'}")
        return "; ".join(said)


def _named(parts: Iterable[Told]) -> list[str]:
    """Their labels, with their numbers."""
    return [_noted(part.label, [part.number] if part.number else []) for part in parts]


def _notes(parts: Iterable[Told]) -> list[str]:
    """Their numbers, and why they decide nothing: once for all if they are the same."""
    told = [(part.label, ", ".join(filter(None, (part.number, part.why)))) for part in parts]
    notes = {note for _, note in told}
    if len(told) > 1 and len(notes) == 1:
        return [f"{note}, each" for note in notes if note]
    return [f"{label}: {note}" if label else note for label, note in told if note]


def _noted(said: str, notes: Sequence[str]) -> str:
    """With notes in brackets."""
    return f"{said} ({'; '.join(notes)})" if notes else said
