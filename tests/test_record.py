"""Records: named arrays, maps over matching records, and files that are whole, or refused in one sentence."""

import gc
import io
import json
import os
import pickle
import re
import zipfile
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from deep import deep
from letters import letters


@dataclass(frozen=True, eq=False, repr=False)
class Node(rl.Record):
    """Two parts of any kind that a record may hold."""

    left: Any
    right: Any = None


def rnn():
    return rl.RNN.init(np.random.default_rng(0), inputs=2, hidden=3)


@pytest.fixture(autouse=True)
def _no_file_is_left_open():
    """A file that is left open warns once it is collected, and here, not in some later test."""
    gc.freeze()  # what is older need not be searched
    yield
    gc.collect()


# Names and maps


def test_arrays_are_named_in_field_order_with_dots():
    a, b, c = np.zeros(1), np.ones(2), np.full(3, 2.0)
    tree = Node(Node(a, "text"), (b, (4, Node(None, c))))
    assert list(tree.arrays()) == ["left.left", "right.0", "right.1.1.right"]
    assert [array is own for array, own in zip(tree.arrays().values(), (a, b, c), strict=True)] == [True] * 3


def test_gradients_name_their_parameters_as_params():
    layer = rnn()
    xs = np.ones((2, 1, 2))
    grads = layer.backward(layer.forward(xs), np.ones((2, 1, 3)))
    assert list(grads.arrays()) == ["params.W", "params.U", "params.b", "xs", "hs"]


def test_map_applies_to_every_array_and_keeps_the_settings():
    leaky = rl.activations.LeakyReLU(negative_slope=0.1)
    layer = rl.RNN.init(np.random.default_rng(0), inputs=2, hidden=3, activation=leaky)
    doubled = layer.map(lambda array: 2 * array)
    assert type(doubled) is rl.RNN
    assert repr(doubled.activation) == "leaky_relu(0.1)"
    for name, array in layer.arrays().items():
        np.testing.assert_array_equal(doubled.arrays()[name], 2 * array)


def test_map_over_several_records_hands_on_the_arrays_of_the_same_name():
    one, two, three = (Node((np.full(2, value), "s"), Node(np.full(1, 10 * value))) for value in (1.0, 2.0, 3.0))
    total = one.map(lambda a, b, c: a + 2 * b + 3 * c, two, three)
    np.testing.assert_array_equal(total.left[0], [14, 14])
    np.testing.assert_array_equal(total.right.left, [140])
    assert total.left[1] == "s"


def test_map_leaves_the_record_as_it_was():
    layer = rnn()
    copies = {name: array.copy() for name, array in layer.arrays().items()}
    layer.map(np.zeros_like)
    for name, array in layer.arrays().items():
        np.testing.assert_array_equal(array, copies[name])


def test_map_trusts_the_result_and_runs_no_constructor():
    wide = rnn().map(lambda array: np.full(array.shape, np.nan))
    assert np.isnan(wide.U).all()


def test_like_is_the_same_build_with_other_arrays_and_runs_no_constructor():
    leaky = rl.activations.LeakyReLU(negative_slope=0.1)
    layer = rl.RNN.init(np.random.default_rng(0), inputs=2, hidden=3, activation=leaky)
    W, U, b = np.full((2, 3), np.inf), np.ones((3, 3)), np.zeros(3)
    other = layer.like(W=W, U=U, b=b)
    assert type(other) is rl.RNN
    assert (other.W is W, other.U is U, other.b is b) == (True, True, True)
    assert repr(other.activation) == "leaky_relu(0.1)"


def test_map_with_other_array_names_is_refused():
    message = "map needs records with the same arrays: RNN has W, U, b; IndRNN has W, u, b"
    with pytest.raises(ValueError, match=f"^{message}$"):
        rnn().map(np.add, rl.IndRNN.init(np.random.default_rng(0), inputs=2, hidden=3))


def test_map_does_not_depend_on_the_order_of_fields():
    @dataclass(frozen=True, eq=False, repr=False)
    class Turned(rl.Record):
        right: Any
        left: Any

    result = Node(np.array([1.0]), np.array([2.0])).map(np.subtract, Turned(np.array([20.0]), np.array([10.0])))
    np.testing.assert_array_equal([result.left, result.right], [[-9], [-18]])


def test_a_record_is_frozen():
    with pytest.raises(FrozenInstanceError):
        rnn().W = np.zeros((2, 3))


def test_a_record_prints_shapes_instead_of_numbers():
    assert repr(rnn()) == "RNN(W=float64[2, 3], U=float64[3, 3], b=float64[3], activation=tanh)"
    assert repr(Node((np.zeros(2, np.float32), "s"), 3)) == "Node(left=(float32[2], 's'), right=3)"


# Round trips


def same(one, two):
    """Equal in build, in settings, and in every bit of every array."""
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, tuple):
        return type(two) is tuple and len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, rl.Record):
        return type(one) is type(two) and same(tuple(vars(one).values()), tuple(vars(two).values()))
    return type(one) is type(two) and one == two


@st.composite
def float_arrays(draw):
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.complex128]))
    array = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).standard_normal(shape).astype(dtype)
    special = draw(st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-42]))
    array[...] = np.where(np.abs(array) < 0.3, special, array)
    return np.asfortranarray(array) if draw(st.booleans()) else array


settings_of_a_record = st.text(letters) | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
parts = st.recursive(
    float_arrays() | settings_of_a_record,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.builds(Node, inner, inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@given(left=parts, right=parts)
def test_what_is_saved_comes_back_in_every_bit(scratch, left, right):
    rl.save(scratch / "record", Node(left, right))
    assert same(rl.load(scratch / "record"), Node(left, right))


@pytest.mark.parametrize("activation", rl.activations.ACTIVATIONS)
@pytest.mark.parametrize("kind", [rl.RNN, rl.IndRNN])
def test_a_layer_comes_back_and_runs_the_same(tmp_path, kind, activation):
    layer = kind.init(np.random.default_rng(0), inputs=2, hidden=3, activation=activation, dtype=np.float32)
    xs = np.ones((4, 2, 2), np.float32)
    rl.save(tmp_path / "layer.npz", layer)
    back = rl.load(tmp_path / "layer.npz")
    assert same(back, layer)
    np.testing.assert_array_equal(back.forward(xs).hs, layer.forward(xs).hs)


def test_the_settings_of_an_activation_come_back(tmp_path):
    layer = rl.RNN(np.ones((1, 1)), np.ones((1, 1)), np.ones(1), rl.activations.LeakyReLU(negative_slope=0.07))
    rl.save(tmp_path / "layer", layer)
    assert rl.load(tmp_path / "layer").activation.negative_slope == 0.07


def test_a_trace_and_its_gradients_come_back(tmp_path):
    layer = rnn()
    trace = layer.forward(np.ones((2, 1, 2)))
    for record in (trace, layer.backward(trace, np.ones((2, 1, 3)))):
        rl.save(tmp_path / "record", record)
        assert same(rl.load(tmp_path / "record"), record)


def test_an_array_that_is_a_view_comes_back_as_its_own_numbers(tmp_path):
    whole = np.arange(12.0).reshape(3, 4)
    rl.save(tmp_path / "record", Node(whole[::2, 1::2], whole.T))
    back = rl.load(tmp_path / "record")
    np.testing.assert_array_equal(back.left, [[1, 3], [9, 11]])
    np.testing.assert_array_equal(back.right, whole.T)


@pytest.mark.parametrize("name", ["file", "allow_pickle", "args", "kwds"])
def test_a_field_may_have_any_name(tmp_path, name):
    kind = dataclass(frozen=True, eq=False, repr=False)(
        type(f"With_{name}", (rl.Record,), {"__annotations__": {name: np.ndarray}})
    )
    rl.save(tmp_path / "record", kind(np.arange(3.0)))
    np.testing.assert_array_equal(rl.load(tmp_path / "record").arrays()[name], [0, 1, 2])


def test_the_file_is_named_as_it_was_asked_for_and_stands_alone(tmp_path):
    rl.save(tmp_path / "no_suffix", rnn())
    assert [entry.name for entry in tmp_path.iterdir()] == ["no_suffix"]


def test_a_saved_record_can_be_read_by_numpy_alone(tmp_path):
    layer = rnn()
    rl.save(tmp_path / "layer.npz", layer)
    with np.load(tmp_path / "layer.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["U"], layer.U)


# What save refuses


@pytest.mark.parametrize("value", [{"W": 1}, [1.0], None, np.ones(3)])
def test_only_a_record_is_saved(tmp_path, value):
    message = rf"^save needs a record \(a layer, a trace, gradients\); got {type(value).__name__}$"
    with pytest.raises(TypeError, match=message):
        rl.save(tmp_path / "record", value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.arange(3), np.array(["text"]), np.array([None]), [1.0], {1.0}, object(), len])
def test_a_part_that_cannot_be_written_is_refused_and_nothing_is_written(tmp_path, value):
    message = f"^save writes float arrays, records, text, numbers and None; got a {type(value).__name__}$"
    with pytest.raises(TypeError, match=message):
        rl.save(tmp_path / "record", Node(np.ones(2), (value,)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_old_record_and_no_other_file(tmp_path, monkeypatch, call):
    def full(*_):
        raise OSError("no space left")

    old = Node(np.arange(3.0))
    rl.save(tmp_path / "record", old)
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="no space left"):
        rl.save(tmp_path / "record", Node(np.arange(1000.0)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["record"]
    assert same(rl.load(tmp_path / "record"), old)


# What load refuses


def refused(path, because=""):
    """load raises a ValueError of one line that names the file, and leaves no file open."""
    with pytest.raises(
        ValueError, match=rf"^{re.escape(str(path))} is not a whole rnnlab record: .*{because}"
    ) as caught:
        rl.load(path)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def saved(scratch):
    """The bytes of a saved layer."""
    rl.save(scratch / "layer", rl.IndRNN.init(np.random.default_rng(0), inputs=1, hidden=2))
    return (scratch / "layer").read_bytes()


def test_a_file_truncated_at_any_byte_is_refused(scratch, saved):
    path = scratch / "truncated"
    for length in range(len(saved)):
        path.write_bytes(saved[:length])
        refused(path)


def test_a_truncated_file_is_not_left_open(scratch, saved):
    path = scratch / "truncated"
    for length in (10, len(saved) // 2, len(saved) - 1):
        path.write_bytes(saved[:length])
        refused(path)
        gc.collect()  # an open file would warn here, and a warning is an error


@pytest.mark.parametrize("flip", [deep(0x01), 0x80, deep(0xFF)])
def test_a_file_with_any_byte_changed_is_refused_or_was_not_harmed(scratch, saved, flip):
    path = scratch / "changed"
    path.write_bytes(saved)
    whole = rl.load(path)
    for place in range(len(saved)):
        changed = bytearray(saved)
        changed[place] ^= flip
        path.write_bytes(changed)
        try:
            record = rl.load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} is not a whole rnnlab record: "), place  # noqa: PT017
        else:
            assert same(record, whole), place


@given(noise=st.binary(max_size=200), prefix=st.sampled_from([b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04"]))
def test_any_bytes_are_refused(scratch, noise, prefix):
    (scratch / "noise").write_bytes(prefix + noise)
    refused(scratch / "noise")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty")


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "text").write_text("W = 3\n")
    refused(tmp_path / "text")


def test_a_missing_file_and_a_folder_are_oserrors(tmp_path):
    with pytest.raises(FileNotFoundError):
        rl.load(tmp_path / "missing")
    with pytest.raises(OSError):  # noqa: PT011 - its kind differs by system
        rl.load(tmp_path)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("form", ["pickle", "npy", "npz", "npz with a header"])
def test_nothing_is_unpickled(tmp_path, form, saved):
    path, mark = tmp_path / "file", tmp_path / "mark"
    objects = np.array([Bomb(mark)], dtype=object)
    with path.open("wb") as file:
        if form == "pickle":
            pickle.dump(objects, file)
        elif form == "npy":
            np.save(file, objects)
        elif form == "npz":
            np.savez(file, W=objects)
        else:
            header = {"format": "rnnlab record 1", "build": {"record": "Node", "parts": {"left": "array"}}}
            np.savez(file, __record__=np.array(json.dumps(header)), left=objects)
    refused(path)
    assert not mark.exists()
    if form in ("pickle", "npy"):
        np.load(path, allow_pickle=True)
        assert mark.exists()  # so the bomb was live


def test_a_plain_npy_file_is_refused(tmp_path):
    with (tmp_path / "array").open("wb") as file:
        np.save(file, np.ones(3))
    refused(tmp_path / "array")


def archive(path, header, **arrays):
    """An npz file with this header, as JSON unless it is an array already."""
    entry = header if isinstance(header, np.ndarray) else np.array(json.dumps(header))
    with path.open("wb") as file:
        np.savez(file, __record__=entry, **arrays)
    return path


def header(build):
    return {"format": "rnnlab record 1", "build": build}


def test_an_npz_file_of_others_is_refused(tmp_path):
    with (tmp_path / "foreign").open("wb") as file:
        np.savez(file, W=np.ones(3))
    refused(tmp_path / "foreign")


def test_another_format_is_refused_by_its_name(tmp_path):
    path = archive(tmp_path / "later", {"format": "rnnlab record 2", "build": {"plain": 1}})
    refused(path, "its format is 'rnnlab record 2', not 'rnnlab record 1'")


@pytest.mark.parametrize(
    "build",
    [
        {"record": "NoSuchRecord", "parts": {}},
        {"record": "Node", "parts": {"left": "array"}},
        {"record": "Node", "parts": {"left": {"plain": 1}, "middle": {"plain": 1}}},
        {"record": "Node", "parts": {}},
        {"record": "Node", "parts": [1]},
        {"record": "Node"},
        {"record": ["Node"], "parts": {}},
        {"record": "Record", "parts": {"left": {"plain": 1}}},
        {"tuple": 3},
        {},
        "arrays",
        [],
        3,
        None,
        True,
    ],
    ids=str,
)
def test_a_build_that_makes_no_sense_is_refused(tmp_path, build):
    refused(archive(tmp_path / "file", header(build)))


@pytest.mark.parametrize("build", ["array", {"plain": 3}, {"tuple": []}], ids=str)
def test_what_is_no_record_is_refused(tmp_path, build):
    path = archive(tmp_path / "file", header({"tuple": [build]}), **{"0": np.ones(2)})
    refused(path, "it holds a tuple")


def test_a_record_that_its_own_class_refuses_is_refused(tmp_path):
    parts = {"W": "array", "U": "array", "b": "array", "activation": {"plain": "tanh"}}
    arrays = {"W": np.ones((2, 3)), "U": np.ones((4, 4)), "b": np.ones(3)}
    path = archive(tmp_path / "file", header({"record": "RNN", "parts": parts}), **arrays)
    refused(path, r"U must be \(H, H\) with H = 3")


@pytest.mark.parametrize(
    "entry",
    [np.array("no json"), np.array(7), np.array("[1]"), np.array("3"), np.array("{}"), np.ones((2, 2))],
    ids=repr,
)
def test_a_header_that_is_none_is_refused(tmp_path, entry):
    refused(archive(tmp_path / "file", entry))


def test_a_header_nested_beyond_all_measure_is_refused(tmp_path):
    deep = '{"tuple": [' * 100_000 + "3" + "]}" * 100_000
    refused(archive(tmp_path / "file", np.array('{"format": "rnnlab record 1", "build": ' + deep + "}")))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_compressed_by_others_is_read_or_refused(tmp_path, saved, method):
    with zipfile.ZipFile(io.BytesIO(saved)) as whole, zipfile.ZipFile(tmp_path / "file", "w", method) as again:
        for name in whole.namelist():
            again.writestr(name, whole.read(name))
    assert isinstance(rl.load(tmp_path / "file"), rl.IndRNN)
    squeezed = bytearray((tmp_path / "file").read_bytes())
    for place in range(35, len(squeezed), 7):
        changed = squeezed.copy()
        changed[place] ^= 0x55
        (tmp_path / "file").write_bytes(changed)
        try:
            rl.load(tmp_path / "file")
        except ValueError as error:
            assert "is not a whole rnnlab record" in str(error), place  # noqa: PT017


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path):
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(tmp_path / "file", "w") as file:
        entry = io.BytesIO()
        np.save(entry, np.array(json.dumps(header({"record": "Node", "parts": {"left": "array"}}))))
        file.writestr("__record__.npy", entry.getvalue())
        file.writestr("left.npy", claim.getvalue())
    refused(tmp_path / "file")


@given(left=parts)
def test_saving_twice_writes_the_same_bytes(scratch, left):
    rl.save(scratch / "one", Node(left))
    rl.save(scratch / "two", Node(left))
    assert (scratch / "one").read_bytes() == (scratch / "two").read_bytes()


def test_a_users_class_of_a_known_name_does_not_take_its_place(tmp_path):
    @dataclass(frozen=True, eq=False, repr=False)
    class RNN(rl.Record):
        W: np.ndarray

    layer = rl.RNN.init(np.random.default_rng(0), inputs=2, hidden=3)
    rl.save(tmp_path / "ours", layer)
    assert type(rl.load(tmp_path / "ours")) is rl.RNN
    with pytest.raises(TypeError, match="save knows another record class called RNN: give this one another name"):
        rl.save(tmp_path / "theirs", RNN(np.ones(2)))
    assert not (tmp_path / "theirs").exists()
