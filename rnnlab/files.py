"""Write a file whole or not at all: a crash, a full disk or Ctrl-C never leaves half of one behind."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends without an error; otherwise `path` stays as it was.

    The bytes go to a temporary file in the same folder, are synced to disk, and are renamed in one step.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; the error names `path`.
    """
    path = Path(path)
    prefix, temporary = f".{path.name}.", None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=prefix, dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _ordinary_mode())  # noqa: PTH101 - mkstemp made it private to its owner
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and _unnamed(error, prefix):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


def _unnamed(error: OSError, prefix: str) -> bool:
    """Whether the error names no file, or only the temporary one, which means nothing to the user."""
    return error.filename is None or Path(os.fsdecode(error.filename)).name.startswith(prefix)


def discard_unfinished(path: Path) -> None:
    """Remove the temporary files of a process that was killed while it replaced `path`."""
    for orphan in path.parent.glob(f".{path.name}.*"):
        orphan.unlink()


def _ordinary_mode() -> int:
    """The permission bits that open() would have given: 0o666 less the process's umask."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
