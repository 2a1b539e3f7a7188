"""A file is written whole or not at all, whatever happens on the way."""

import errno
import os
import stat

import pytest

from rnnlab.files import replacing


def folder_of(path):
    return sorted(entry.name for entry in path.iterdir())


def test_a_new_file_holds_what_was_written(tmp_path):
    with replacing(tmp_path / "new") as file:
        file.write(b"one")
        file.write(b" two")
    assert (tmp_path / "new").read_bytes() == b"one two"
    assert folder_of(tmp_path) == ["new"]


def test_a_path_may_be_text(tmp_path):
    with replacing(str(tmp_path / "new")) as file:
        file.write(b"x")
    assert (tmp_path / "new").read_bytes() == b"x"


def test_a_bare_name_is_written_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing("new") as file:
        file.write(b"x")
    assert folder_of(tmp_path) == ["new"]


def test_until_the_block_ends_the_old_file_stands(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert folder_of(tmp_path) == ["file"]


@pytest.mark.parametrize("failure", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_a_failure_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(failure), replacing(path) as file:  # noqa: PT012
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert folder_of(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
def test_a_failure_of_the_system_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    def full(*_):
        raise OSError("no space left")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="no space left"), replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert folder_of(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "chmod", "replace", "open"])
def test_an_error_of_the_system_names_the_file_that_was_to_be_written(tmp_path, monkeypatch, call):
    def full(*names, **_):
        raise OSError(errno.ENOSPC, "No space left on device", *(name for name in names if isinstance(name, str)))

    path = tmp_path / "file"
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left on device") as error, replacing(path) as file:
        file.write(b"new")
    monkeypatch.undo()
    assert (error.value.filename, error.value.filename2) == (str(path), None)
    assert folder_of(tmp_path) == []


def test_an_error_of_the_block_that_names_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as error, replacing(tmp_path / "file"):
        (tmp_path / "other").read_bytes()
    assert error.value.filename == str(tmp_path / "other")


def test_the_bytes_are_synced_before_the_file_takes_its_place(tmp_path, monkeypatch):
    order = []
    for call in ("fsync", "replace"):
        real = getattr(os, call)
        monkeypatch.setattr(os, call, lambda *args, call=call, real=real: (order.append(call), real(*args)))
    with replacing(tmp_path / "file") as file:
        file.write(b"new")
    assert order == ["fsync", "replace"]


def test_a_missing_folder_is_an_oserror_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "missing" / "file"):
        pytest.fail("the block ran")
    assert folder_of(tmp_path) == []


def test_a_folder_of_that_name_is_not_replaced(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError), replacing(tmp_path / "taken") as file:  # noqa: PT011 - its kind differs by system
        file.write(b"x")
    assert folder_of(tmp_path) == ["taken"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_file_has_the_permissions_that_open_would_give(tmp_path, umask):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "new") as file:
            file.write(b"x")
        assert os.umask(umask) == umask  # the process's umask is as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~umask
