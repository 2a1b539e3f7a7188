"""How far a training is: a line that each row of the log brings up to date."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size

from rnnlab.checkpoint import Row


@contextmanager
def progress(updates: int, measure: str, *, always: bool = True) -> Iterator[Callable[[Row], None]]:
    """What to call with every row: it shows loss, `measure`, speed and time left on standard error.

    On a terminal each line takes the last one's place, and the last stands. Elsewhere every row has a line, or none
    unless `always`.
    """
    screen, terminal = sys.stderr, sys.stderr.isatty()

    def show(row: Row) -> None:
        speed = row.update / row.seconds if row.seconds > 0 and row.update else 0.0
        left = f", {speed:.3g}/s, {(updates - row.update) / speed:.0f} s left" if speed else ""
        line = (
            f"{row.update}/{updates}  loss {row.loss:.4g}  {measure} {row.score:.4g}  |gradient| {row.norm:.3g}{left}"
        )
        if terminal or always:
            width = get_terminal_size().columns - 1
            screen.write(f"\r{line[:width]:<{width}}" if terminal else f"{line}\n")
            screen.flush()

    try:
        yield show
    finally:
        if terminal:
            screen.write("\n")
            screen.flush()
