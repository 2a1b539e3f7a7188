"""The command line: what it prints and writes; a wrong word or a bad file is one sentence and exit status 2."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib import image

import rnnlab as rl
from deep import deep
from rnnlab import sequences
from rnnlab.cli import main
from rnnlab.layers.batchnorm import evaluating
from rnnlab.table import Table


@pytest.fixture
def pictures():
    """Asked for by the tests that look at one."""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if "pictures" not in request.fixturenames:
        request.getfixturevalue("unrendered")


def refused(capsys, *arguments: str) -> str:
    """The one sentence with which the command line refuses; nothing may have been written."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == ""
    assert err.startswith("rnnlab")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err


def test_flow_measures_a_text_and_says_where_the_gradient_goes(tmp_path, capsys, pictures):
    (tmp_path / "notes.txt").write_text("the cat sat on the mat; " * 40, encoding="utf-8")
    assert main(["flow", "notes.txt", "--steps", "60", "--batch", "4", "--activation", "sigmoid"]) == 0
    out = capsys.readouterr().out
    assert "4 of 60 steps" in out
    rate = -float(out.partition("growth")[2].split()[0])
    half_life = float(out.partition("half-life")[2].split()[0])
    lost = float(out.partition("under 1e-8")[2].split()[0])
    assert rate > np.log(4) * 0.9
    assert half_life == pytest.approx(np.log(2) / rate, rel=1e-3)
    table = Table.read("figures/flow.csv")
    assert table["median"][table["back"] == lost] < 1e-8 <= table["median"][table["back"] == lost - 1]
    assert len(table) == 61
    assert image.imread("figures/flow.png").shape[0] > 300


def test_flow_takes_an_array_of_the_users_own(capsys):
    np.save("mine.npy", np.random.default_rng(0).standard_normal((30, 5, 3)).astype(np.float32))
    assert main(["flow", "mine.npy", "--layer", "indrnn", "--hidden", "7", "--steps", "20"]) == 0
    assert "mine.npy: 5 of 20 steps, 3 inputs" in capsys.readouterr().out
    for layer in ("lstm", "gru"):
        assert main(["flow", "mine.npy", "--layer", layer, "--hidden", "7"]) == 0
        assert f"{layer}, 7 units, seed 0" in capsys.readouterr().out
        assert np.isnan(Table.read("figures/flow.csv")["bound"]).all()
    assert main(["flow", "mine.npy", "--layer", "irnn", "--out", "elsewhere/deep"]) == 0
    assert "5 of 30 steps" in capsys.readouterr().out


def test_flow_without_a_file_reads_cpythons_documentation(capsys):
    pytest.importorskip("pydoc_data.topics")
    assert main(["flow", "--steps", "20", "--batch", "3", "--hidden", "10"]) == 0
    assert "CPython's documentation" in capsys.readouterr().out


def test_flow_repeats_itself_to_the_last_byte(tmp_path, pictures):
    (tmp_path / "a.txt").write_text("abracadabra " * 30, encoding="utf-8")
    for out in ("one", "two"):
        main(["flow", "a.txt", "--out", out, "--hidden", "12"])
    for name in ("flow.csv", "flow.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_irnn_on_silence_keeps_the_gradient(capsys):
    np.save("silence.npy", np.zeros((40, 2, 1)))
    assert main(["flow", "silence.npy", "--layer", "rnn", "--recurrent-initializer", "identity"]) == 0
    assert "none: it is kept" in capsys.readouterr().out


def test_an_exploding_gradient_is_said_to_double(capsys):
    np.save("xs.npy", np.zeros((10, 2, 1)))
    main(["flow", "xs.npy", "--activation", "identity", "--recurrent-initializer", "ones", "--hidden", "2"])
    assert "it doubles in 1 steps" in capsys.readouterr().out


# A trained network instead of a fresh layer


def stack(seed: int = 0) -> rl.Network:
    rng = np.random.default_rng(seed)
    lower, upper = rl.LSTM.init(rng, inputs=3, hidden=5), rl.GRU.init(rng, inputs=5, hidden=4)
    layers = (lower, rl.BatchNorm.init(inputs=5), rl.Residual(rl.RNN.init(rng, inputs=5, hidden=5)), upper)
    return rl.Network(layers, rl.Dense.init(rng, inputs=4, outputs=2), "every")


def growths(out: str) -> dict[str, float]:
    """What was printed for each state."""
    lines = out.splitlines()
    return {before: float(line.split()[1]) for before, line in pairwise(lines) if line.startswith("growth")}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_saved_network_is_measured_layer_by_layer(dtype, capsys):
    xs = np.random.default_rng(1).standard_normal((30, 4, 3))
    np.save("xs.npy", xs)
    network = stack().map(lambda array: array.astype(dtype))
    rl.save("mine.npz", network)
    assert main(["flow", "xs.npy", "--weights", "mine.npz"]) == 0
    out = capsys.readouterr().out
    assert "xs.npy: 4 of 30 steps, 3 inputs" in out
    assert "mine.npz: layers.0.hs (5), layers.0.cs (5), layers.2.layer.hs (5), layers.3.hs (4)\n" in out
    wide = evaluating(network.map(lambda array: array.astype(np.float64)))
    table = Table.read("figures/flow.csv")
    for state in ("layers.0.hs", "layers.2.layer.hs", "layers.3.hs"):
        norms = rl.flow.gradient_norms(wide, xs, of=state)
        rates = np.sort(rl.flow.decay_rate(norms))
        assert -rates[1] >= growths(out)[state] - 1e-3
        assert growths(out)[state] + 1e-3 >= -rates[2]
        rows = table.where(state=state)
        np.testing.assert_allclose(rows["high"], np.max((norms / norms[-1])[::-1], axis=1), rtol=1e-12)
    assert len(growths(out)) == 3
    assert len(table) == 3 * 31


def test_a_checkpoint_is_measured(capsys):
    assert main(["train", "adding", "--steps", "12", "--hidden", "6", "--updates", "2", "--layers", "2"]) == 0
    capsys.readouterr()
    np.save("xs.npy", np.random.default_rng(1).standard_normal((20, 2, 2)))
    assert (
        main(["flow", "xs.npy", "--weights", "runs/adding-rnn-steps=12-hidden=6-layers=2-seed-0/checkpoint.npz"]) == 0
    )
    assert list(growths(capsys.readouterr().out)) == ["layers.0.hs", "layers.1.hs"]


def test_a_saved_layer_is_measured_as_the_fresh_one_was(capsys):
    np.save("xs.npy", np.random.default_rng(1).standard_normal((20, 2, 3)))
    assert main(["flow", "xs.npy", "--hidden", "7", "--seed", "3", "--out", "fresh"]) == 0
    fresh = growths(capsys.readouterr().out)
    rl.save("layer.npz", rl.RNN.init(np.random.default_rng(3), inputs=3, hidden=7))
    assert main(["flow", "xs.npy", "--weights", "layer.npz", "--out", "saved"]) == 0
    assert list(growths(capsys.readouterr().out).values()) == list(fresh.values())
    assert Path("fresh/flow.csv").read_bytes() == Path("saved/flow.csv").read_bytes()


def test_a_network_on_symbols_reads_the_text_that_it_was_trained_on(capsys):
    Path("notes.txt").write_text("the cat sat on the mat; " * 40, encoding="utf-8")
    words = ["--input", "notes.txt", "--steps", "12", "--hidden", "6", "--updates", "2"]
    assert main(["train", "characters", *words]) == 0
    capsys.readouterr()
    weights = ["--weights", "runs/characters-rnn-input=notes-steps=12-hidden=6-seed-0/checkpoint.npz"]
    assert main(["flow", "notes.txt", "--steps", "30", *weights]) == 0
    out = capsys.readouterr().out
    assert "notes.txt, its 11 different characters in order as the symbols: 16 of 30 steps\n" in out
    assert len(Table.read("figures/flow.csv")) == 31
    np.save("symbols.npy", np.random.default_rng(0).integers(0, 11, (25, 3)).astype(">i4"))
    assert main(["flow", "symbols.npy", *weights]) == 0
    assert "symbols.npy: 3 of 25 steps\n" in capsys.readouterr().out
    Path("figures/flow.csv").unlink()
    Path("other.txt").write_text("abcabcd" * 40, encoding="utf-8")
    says = "the network reads 11 symbols and keeps no alphabet to read other.txt by, which has 4 different characters"
    assert says in refused(capsys, "flow", "other.txt", *weights)
    for array, says in (
        (np.ones((5, 2, 3)), "integers in 0 … 10, the symbols that the network reads; got float64"),
        (np.ones((5, 2, 3), int), "the symbols that the network reads; got (5, 2, 3)"),
        (np.full((5, 2), 11), "the symbols that the network reads; got 11 … 11"),
    ):
        np.save("bad.npy", array)
        assert says in refused(capsys, "flow", "bad.npy", *weights)
    assert not Path("figures/flow.csv").exists()


def test_weights_of_a_framework_are_measured(capsys):
    rng = np.random.default_rng(0)
    np.save("xs.npy", rng.standard_normal((20, 2, 3)))
    lower, upper = rl.RNN.init(rng, inputs=3, hidden=5, activation="relu"), rl.RNN.init(rng, inputs=5, hidden=4)
    np.savez("torch.npz", **rl.interop.to_torch(lower), **rl.interop.to_torch(upper, index=1))
    assert main(["flow", "xs.npy", "--weights", "torch.npz", "--activation", "relu"]) == 0
    assert list(growths(capsys.readouterr().out)) == ["layers.0.hs", "layers.1.hs"]


UNFIT = {
    "nothing": (lambda: None, "mine.npz: No such file or directory"),
    "text": (lambda: Path("mine.npz").write_text("hello", encoding="utf-8"), "mine.npz is not a whole rnnlab record: "),
    "a trace": (
        lambda: rl.save("mine.npz", rl.Trace(np.ones((3, 1, 3)), np.ones((4, 1, 2)))),
        "mine.npz holds a Trace, which is no layer and has no network in it",
    ),
    "no recurrent layer": (
        lambda: rl.save("mine.npz", rl.Dense.init(np.random.default_rng(0), inputs=3, outputs=2)),
        "mine.npz has no recurrent layer: nothing in it carries a state from step to step",
    ),
    "other inputs": (
        lambda: rl.save("mine.npz", rl.RNN.init(np.random.default_rng(0), inputs=4, hidden=2)),
        "mine.npz cannot read xs.npy: xs must be (T, B, D) with D = 4 to match W (4, 2); got (1, 2, 3)",
    ),
    "a framework's without time": (
        lambda: np.savez("mine.npz", **{"fc.weight": np.ones((2, 3)), "fc.bias": np.ones(2)}),
        "mine.npz has no recurrent layer by PyTorch's names (weight_hh_l0) or Keras's (recurrent_kernel); it has fc.w",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_weights_that_do_not_fit_are_refused(name, capsys):
    np.save("xs.npy", np.ones((5, 2, 3)))
    make, says = UNFIT[name]
    make()
    assert says in refused(capsys, "flow", "xs.npy", "--weights", "mine.npz")
    assert not Path("figures").exists()


def test_trained_weights_take_no_description(capsys):
    rl.save("mine.npz", stack())
    words = ["--weights", "mine.npz", "--layer", "rnn", "--hidden", "5"]
    assert "mine.npz says itself what the layer is: leave out --layer, --hidden" in refused(capsys, "flow", *words)
    words = ["--weights", "mine.npz", "--activation", "relu"]
    assert "mine.npz says itself what the activation is: leave out --act" in refused(capsys, "flow", *words)


BAD_FILES = {
    "empty.txt": (b"", "0 characters"),
    "short.txt": (b"too short", "9 characters; 100 steps need at least 100"),
    "latin.txt": ("é" * 200).encode("latin-1"),
    "empty.npy": (b"", "not a whole .npy array"),
    "text.npy": (b"hello there", "not a whole .npy array"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_one_sentence(name, tmp_path, capsys):
    entry = BAD_FILES[name]
    contents, says = entry if isinstance(entry, tuple) else (entry, "is not UTF-8 text: byte 0xe9 at position 0")
    (tmp_path / name).write_bytes(contents)
    assert says in refused(capsys, "flow", name)
    assert not (tmp_path / "figures").exists()


BAD_ARRAYS = {
    "integers": (np.ones((5, 2, 3), int), "must be an array of real floating-point numbers; got int64: np.save('bad.n"),
    "booleans": (np.ones((5, 2, 3), bool), "real floating-point numbers; got bool: np.save('bad.npy', "),
    "objects": (np.array([[["a", None]]], object), "not a whole .npy array"),
    "words": (np.array([["a"]]), "must be an array of real floating-point numbers; got <U1\n"),
    "single complex": (
        np.ones((5, 2, 3), np.complex64),
        "real floating-point numbers; got complex64: np.save('bad.npy', ",
    ),
    "complex": (np.ones((5, 2, 3)) * 1j, "real floating-point numbers; got complex128: np.save('bad.npy', "),
    "a matrix": (np.ones((5, 2)), "must be (T, B, D); got (5, 2)"),
    "NaN": (np.full((5, 2, 3), np.nan), "must be finite; got nan at"),
    "infinity": (np.full((5, 2, 3), -np.inf), "must be finite; got -inf at"),
    "no steps": (np.ones((0, 2, 3)), "with T ≥ 1"),
    "no sequences": (np.ones((5, 0, 3)), "with B ≥ 1"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_a_bad_array_is_refused_in_one_sentence(name, tmp_path, capsys):
    array, says = BAD_ARRAYS[name]
    np.save("bad.npy", array)
    assert says in refused(capsys, "flow", "bad.npy")
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("dtype", [int, np.uint8, bool, np.complex128])
def test_the_advice_on_an_array_works_as_it_stands(dtype, capsys):
    np.save("mine.npy", np.ones((5, 2, 3), dtype))
    advice = refused(capsys, "flow", "mine.npy").partition(": np.save")[2].removesuffix(" makes it one\n")
    exec(f"np.save{advice}", {"np": np})
    assert main(["flow", "mine.npy", "--hidden", "2"]) == 0


@pytest.mark.parametrize("dtype", [">f8", ">f4", "<f4", np.float16, np.longdouble])
def test_any_precision_and_byte_order_is_read(dtype):
    xs = np.random.default_rng(0).integers(-8, 8, (5, 2, 3)) / 4  # which every one of them holds exactly
    np.save("xs.npy", xs.astype(dtype))
    read = sequences.read("xs.npy").xs
    assert read.dtype == np.dtype("f8")
    np.testing.assert_array_equal(read, xs)


@pytest.mark.parametrize("kept", [1, 20, 100, 130, 300])
def test_a_truncated_array_is_refused(kept, tmp_path, capsys):
    np.save("whole.npy", np.ones((10, 2, 3)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:kept])
    assert "cut.npy is not a whole .npy array" in refused(capsys, "flow", "cut.npy")


@pytest.mark.parametrize(
    "header", ["{'descr': '<f8", "{'descr': (", "((((", "{'descr': '<f8',\n  'x", "1 +", "{}", "\\"]
)
def test_a_damaged_header_is_refused(header, tmp_path, capsys):
    entry = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    (tmp_path / "bad.npy").write_bytes(entry)
    assert "bad.npy is not a whole .npy array: " in refused(capsys, "flow", "bad.npy")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # every example writes its file anew
@given(st.integers(0, 200), st.integers(0, 255))
def test_any_changed_byte_of_an_array_is_read_or_refused(place, byte):
    np.save("whole.npy", np.ones((3, 2, 1)))
    contents = bytearray(Path("whole.npy").read_bytes())
    contents[place % len(contents)] = byte
    Path("changed.npy").write_bytes(contents)
    with warnings.catch_warnings(), contextlib.suppress(ValueError, TypeError):
        warnings.simplefilter("ignore")  # NumPy's, that a header looks like Python 2's
        assert sequences.read("changed.npy").xs.dtype == np.float64


def test_a_zip_that_calls_itself_an_array_is_refused(tmp_path, capsys):
    np.savez("many.npz", np.ones(3))
    (tmp_path / "many.npz").rename(tmp_path / "many.npy")
    assert "many.npy" in refused(capsys, "flow", "many.npy")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["flow", "nowhere.txt"], "nowhere.txt: No such file or directory"),
        (["flow", "."], "the folder . holds no .txt file"),
        (["flow", "--layer", "lstn"], "a recurrent layer must be one of rnn, irnn, indrnn, lstm, gru; got 'lstn'"),
        (["flow", "--layer", "dense"], "a recurrent layer must be one of rnn, irnn, indrnn, lstm, gru; got 'dense'"),
        (["flow", "--activation", "softsign"], "one of sigmoid, tanh, relu, leaky_relu, identity; got 'softsign'"),
        (["flow", "--recurrent-initializer", "xavier"], "initializer must be one of glorot_uniform, he_uniform"),
        (["flow", "--layer", "indrnn", "--recurrent-initializer", "orthogonal"], "orthogonal needs at least two axes"),
        (
            ["flow", "--layer", "irnn", "--activation", "tanh"],
            "activation is for rnn, indrnn, dense; got tanh for irnn",
        ),
        (["flow", "--layer", "gru", "--activation", "relu"], "activation is for rnn, indrnn, dense; got relu for gru"),
        (["flow", "--steps", "0"], "steps must be at least 1; got 0"),
        (["flow", "--steps", "many"], "invalid int value: 'many'"),
        (["flow", "--batch", "-2"], "batch must be at least 1; got -2"),
        (["flow", "--hidden", "0"], "hidden must be at least 1; got 0"),
        (["flow", "--seed", "-1"], "--seed must be at least 0; got -1"),
        (["figures", "vanishing"], "there is no figure 'vanishing': there are hero; "),
        (["figures", "gradient_dekay"], "there is no figure 'gradient_dekay': did you mean gradient_decay?"),
        (["figures", "--format", "gif"], "invalid choice: 'gif'"),
        (["fly"], "invalid choice: 'fly'"),
        (["trian"], "did you mean train?"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["train", "addng"], "did you mean adding?"),
        (["train", "--recipe", "stack"], "did you mean stacks?"),
        (["train", "adding", "--stpes", "3"], "unrecognized arguments: --stpes 3: did you mean --steps?"),
        (["train", "adding", "--optimizer", "adm"], "got 'adm': did you mean adam?"),
        (["flow", "--layer", "LSTN"], "got 'LSTN': did you mean lstm?"),
        (["flow", "--activation", "relo"], "got 'relo': did you mean relu?"),
        (["flow", "--recurrent-initializer", "orthognal"], "got 'orthognal': did you mean orthogonal?"),
        (["flow", "--recurrent-initializer", "orthogonal:gian=2"], "it has gain: did you mean gain?"),
        (["experiments", "adding", "stack"], "got 'stack': did you mean stacks?"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(arguments, says, tmp_path, capsys):
    assert says in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_explodes_says_so(tmp_path, capsys):
    np.save("xs.npy", np.ones((900, 2, 1)))
    words = ["--activation", "relu", "--recurrent-initializer", "ones"]
    assert "exploded" in refused(capsys, "flow", "xs.npy", *words)
    assert not (tmp_path / "figures").exists()


def test_what_does_not_fit_into_memory_is_refused(tmp_path, capsys, monkeypatch):
    def too_much(*_, **__):
        raise MemoryError

    monkeypatch.setattr("rnnlab.commands.flow.read", too_much)
    assert "not enough memory" in refused(capsys, "flow")
    assert not (tmp_path / "figures").exists()


def test_more_windows_than_memory_are_refused_at_once(tmp_path, capsys):
    (tmp_path / "two.txt").write_text("ab" * 100, encoding="utf-8")
    says = "2,000,000,000 windows of 100 characters, one-hot over 2, would take 2,980.2 GiB; the limit is 1 GiB"
    assert says in refused(capsys, "flow", "two.txt", "--batch", "2000000000")


def test_a_byte_order_mark_is_no_character(tmp_path):
    (tmp_path / "marked.txt").write_text("abab", encoding="utf-8-sig")
    (tmp_path / "plain.txt").write_text("abab", encoding="utf-8")
    marked, plain = (sequences.read(name, steps=3, batch=2).xs for name in ("marked.txt", "plain.txt"))
    np.testing.assert_array_equal(marked, plain)
    (tmp_path / "within.txt").write_text("ab\ufeffab", encoding="utf-8")
    assert len(sequences.read_text("within.txt")) == 5
    (tmp_path / "table.csv").write_text("a,b\n1,2\n", encoding="utf-8-sig")
    assert list(Table.read("table.csv").columns) == ["a", "b"]


def test_a_full_disk_names_the_file(capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    np.save("xs.npy", np.ones((3, 2, 1)))
    monkeypatch.setattr(os, "fsync", full)
    assert main(["flow", "xs.npy", "--hidden", "2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rnnlab flow: error: figures/flow.")
    assert error.endswith(": No space left on device\n")


def test_more_than_the_array_has_is_refused(capsys):
    np.save("xs.npy", np.ones((9, 2, 1)))
    assert "xs.npy has 9 steps; 10 were asked for" in refused(capsys, "flow", "xs.npy", "--steps", "10")
    assert "xs.npy has 2 sequences; 3 were asked for" in refused(capsys, "flow", "xs.npy", "--batch", "3")


def test_of_an_array_the_first_steps_and_sequences_are_taken(capsys):
    xs = np.random.default_rng(0).standard_normal((9, 4, 2))
    np.save("xs.npy", xs)
    np.testing.assert_array_equal(sequences.read("xs.npy", steps=5, batch=3).xs, xs[:5, :3])
    assert main(["flow", "xs.npy", "--steps", "5", "--batch", "3", "--hidden", "2"]) == 0
    assert "xs.npy: 3 of 5 steps" in capsys.readouterr().out
    assert main(["flow", "xs.npy", "--hidden", "2"]) == 0
    assert "xs.npy: 4 of 9 steps" in capsys.readouterr().out


def test_an_output_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    assert "taken" in refused(capsys, "figures", "indrnn_range", "--out", "taken")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_figures_lists_what_it_can_draw(tmp_path, capsys):
    assert main(["figures", "--list"]) == 0
    assert "gradient_decay" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_figures_writes_only_what_was_named(tmp_path, capsys, pictures):
    assert main(["figures", "indrnn_range", "--out", "out", "--format", "svg"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"indrnn_range.csv", "indrnn_range.svg", "README.md"}
    assert "wrote 1 figure and" in capsys.readouterr().out


def test_without_a_command_it_prints_its_help(capsys):
    assert main([]) == 0
    assert "flow" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["flow"], ["figures"]])
def test_help_explains_every_option(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_ctrl_c_ends_it_quietly(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnlab.commands.flow.read", interrupted)
    assert main(["flow"]) == 130
    assert capsys.readouterr().err == ""


# The process: how it starts, where its output goes, how it is stopped.

CLONE = Path(rl.__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and /dev/full as POSIX has them")


def process(*words: str, stdout=subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    """Python with these words, in the current folder, the clone being where it looks for modules first."""
    paths = environment.pop("PYTHONPATH", str(CLONE))
    environment = {**os.environ, "PYTHONUNBUFFERED": "", "PYTHONPATH": paths, **environment}
    command = [sys.executable, *words]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment)


def ended(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = running.communicate(timeout=120)
    return running.returncode, out, err


def test_it_runs_as_a_module():
    assert ended(process("-m", "rnnlab", "--version")) == (0, f"rnnlab {rl.__version__}\n", "")


@pytest.mark.deep
@posix
def test_a_clone_that_is_not_installed_runs(tmp_path):
    packages = tmp_path / "packages"  # all that is installed but ourselves
    packages.mkdir()
    for entry in Path(np.__file__).parents[1].iterdir():
        if "rnnlab" not in entry.name:
            (packages / entry.name).symlink_to(entry)
    alone = {"PYTHONPATH": f"{CLONE}{os.pathsep}{packages}"}
    find = "from importlib.metadata import version; version('rnnlab')"
    assert "PackageNotFoundError" in ended(process("-S", "-c", find, PYTHONPATH=str(packages)))[2]
    np.save("xs.npy", np.ones((3, 2, 1)))
    status, out, err = ended(process("-S", "-m", "rnnlab", "flow", "xs.npy", "--hidden", "2", **alone))
    assert (status, err) == (0, "")
    assert "growth" in out


@posix
@pytest.mark.parametrize("start", ["module", "script"])
def test_ctrl_c_while_it_loads_ends_it_quietly(start, tmp_path):
    """Its import of NumPy presses Ctrl-C; a program that imports us sees the KeyboardInterrupt as ever."""
    (tmp_path / "numpy.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)", encoding="utf-8")
    (tmp_path / "rnnlab").write_text("import sys; from rnnlab.cli import main; sys.exit(main())", encoding="utf-8")
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{CLONE}"}
    words = {"module": ("-m", "rnnlab", "flow"), "script": (str(tmp_path / "rnnlab"), "flow")}[start]
    if start == "module":
        (tmp_path / "rnnlab").unlink()
    assert ended(process(*words, **paths)) == (130, "", "")
    status, _, err = ended(process("-c", "import rnnlab", **paths))
    assert status == -signal.SIGINT
    assert "KeyboardInterrupt" in err


@posix
@pytest.mark.parametrize("words", [["train", "--help"], deep(["figures", "--list"])])
def test_a_pipe_that_is_closed_ends_it_quietly(words):
    running = process("-m", "rnnlab", *words)
    running.stdout.close()
    assert running.stderr.read() == ""
    assert running.wait() == 141
    running.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], deep(["figures", "--list"])])
def test_an_output_that_is_full_is_told_in_one_sentence(words):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        status, _, err = ended(process("-m", "rnnlab", *words, stdout=full))
    assert status == 2
    assert err == "rnnlab: error: the output cannot be written: No space left on device\n"


@posix
@pytest.mark.parametrize(
    "terminal",
    [
        deep({"PYTHONIOENCODING": "ascii"}),
        deep({"LC_ALL": "C"}),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_without_a_character_shows_a_question_mark(terminal):
    Path("naïve.txt").write_text("too short", encoding="utf-8")
    status, _, err = ended(process("-m", "rnnlab", "flow", "naïve.txt", **terminal))
    assert status == 2
    assert re.search(r"na.+ve\.txt has 9 characters; 100 steps need at least 100\n$", err)
    status, out, err = ended(process("-m", "rnnlab", "train", "--help", **terminal))
    assert (status, err) == (0, "")
    assert "the gradient's norm per timestep" in out
