"""How a caption is built: the finding in bold, how to read the picture, the set-up, and the numbers folded away."""

from collections.abc import Iterable, Sequence

MOST_WORDS = 20
"""A finding has at most so many, so that it is read in one breath."""


def finding(*wordings: str) -> str:
    """The first of the wordings, from the fullest to the shortest, that has at most twenty words.

    Raises:
        ValueError: none is that short.
    """
    for words in wordings:
        if len(words.split()) <= MOST_WORDS:
            return words
    raise ValueError(f"a finding must have at most {MOST_WORDS} words; got {wordings[-1]!r}")


def told(found: str, reading: str, setup: str, numbers: Iterable[str] = (), about: str = "") -> str:
    """A caption: what was found in bold, how to read it, the set-up; lists of numbers and what else to know folded."""
    shown = f"**{found}** {reading} {setup}".strip()
    lines = [f"- {line}" for line in numbers]
    folded = "\n\n".join(part for part in ("\n".join(lines), about) if part)
    return f"{shown}\n\n<details><summary>The numbers</summary>\n\n{folded}\n\n</details>" if folded else shown


def listed(names: Sequence[str], last: str = "and") -> str:
    """As "a", "a and b", "a, b and c"."""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
