"""The answer to a backward that was handed in: what `rnnlab check` prints, and what `--json` holds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Verdict = Literal["right", "wrong", "unusable"]
STATUS: dict[Verdict, int] = {"right": 0, "wrong": 1, "unusable": 2}


@dataclass(frozen=True)
class Line:
    """One array in the answer's table: its worst entry over all cases.

    Attributes:
        verdict: "right", "wrong", or "inconclusive" where roundoff hides it in every case.
        error: |yours - right| / Σ |terms|.
        where: the case and the entry.
    """

    array: str
    verdict: str
    error: float
    where: str
    yours: float
    right: float


@dataclass(frozen=True)
class Answer:
    """What is said about one file.

    Attributes:
        file, kind: its name, and what it was taken for: "rnn", "lstm", "a layer", ….
        sentence: the verdict in one sentence.
        diagnosis: what the mistake is and where to look, sentence by sentence.
        lines: an entry for each array.
        case, errors: relative errors by timestep in one case, for every array that has timesteps; null where nothing
            can be said. The index is the timestep, and x[t] has none at 0.
    """

    file: str
    kind: str
    verdict: Verdict
    sentence: str
    diagnosis: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    case: str = ""
    errors: dict[str, list[float | None]] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The exit status: 0 right, 1 wrong, 2 unusable."""
        return STATUS[self.verdict]

    @property
    def advice(self) -> str:
        """The diagnosis in one line."""
        return " ".join(self.diagnosis)

    def json(self) -> str:
        return json.dumps(asdict(self) | {"status": self.status}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """The answer that `json` wrote."""
        said: dict[str, Any] = json.loads(text)
        said.pop("status")
        lines = tuple(Line(**line) for line in said.pop("lines"))
        return cls(**said | {"lines": lines, "diagnosis": tuple(said["diagnosis"])})

    def __str__(self) -> str:
        text = [f"{self.file}: {self.verdict}. {self.sentence}"]
        text += [f"  {sentence}" for sentence in self.diagnosis]
        if self.lines:
            rows = [("array", "verdict", "worst error", "yours", "right", "where")]
            rows += [
                (line.array, line.verdict, f"{line.error:.1e}", f"{line.yours:.6g}", f"{line.right:.6g}", line.where)
                for line in self.lines
            ]
            text += ["", *_table(rows)]
        if self.errors:
            steps = len(next(iter(self.errors.values())))
            head = ("relative error", *(f"t = {t}" for t in range(steps)))
            body = [(name, *("" if e is None else f"{e:.0e}" for e in its)) for name, its in self.errors.items()]
            text += [
                "",
                f"Step by step, {self.case}, each step for the dh[t] that you gave it:",
                *_table([head, *body]),
            ]
        return "\n".join(text)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
