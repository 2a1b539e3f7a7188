"""Names as they are typed: a wrong one is refused with all that there are, and the one that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, names: Iterable[str]) -> str | None:
    """The name that a word was probably meant to be, whatever its capitals; None if it is like none of them."""
    by_small = {name.lower(): name for name in names}
    return next((by_small[small] for small in get_close_matches(word.lower(), by_small, n=1)), None)


def wrong_name(what: str, got: object, names: Iterable[str]) -> ValueError:
    """The error of a name that is none of `names`: raise wrong_name("layer", "lstn", LAYERS)."""
    names = list(names)
    near = closest(got, names) if isinstance(got, str) else None
    hint = "" if near is None else f": did you mean {near}?"
    return ValueError(f"{what} must be one of {', '.join(names)}; got {got!r}{hint}")
