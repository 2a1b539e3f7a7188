"""The options of `rnnlab figures` and `rnnlab flow`: knobs and series by word, several layers, columns, folders."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from rnnlab import flow, layers
from rnnlab.cli import main
from rnnlab.gallery import gradient_decay
from rnnlab.gallery.figures import FIGURES
from rnnlab.table import Table


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a wrong command says, in one line."""
    try:
        code = main(words)
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert err.count("\n") == 1
    assert "Traceback" not in out + err
    return err


SMALL = ("--set", "hidden=6", "--set", "steps=12", "--set", "seeds=2", "--series", "tanh,IRNN")


def test_knobs_and_series_by_word_are_those_of_python_and_leave_the_gallery_alone(capsys):
    assert main(["figures", "gradient_decay", *SMALL]) == 0
    said = capsys.readouterr().out
    assert "T = 12, H = 6, 8 inputs" in said
    assert "wrote my_figures/gradient_decay.png and my_figures/gradient_decay.csv" in said
    assert not Path("figures").exists()
    same = gradient_decay.compute(hidden=6, steps=12, seeds=2, series=["tanh", "IRNN"])
    assert Path("my_figures/gradient_decay.csv").read_text() == same.text()
    assert {name for (name,) in same.each("series")} == {
        "tanh, glorot_uniform",
        "tanh, orthogonal",
        "tanh, orthogonal U alone",
        "IRNN",
    }


@pytest.mark.deep
def test_svg_and_larger_type_are_an_option_each(capsys):
    assert main(["figures", "irnn_memory", "--set", "steps=10", "--format", "svg", "--out", "mine"]) == 0
    assert Path("mine/irnn_memory.svg").read_text(encoding="utf-8").startswith("<?xml")
    sizes = []
    for scale in ("1", "2"):
        assert main(["figures", "irnn_memory", "--set", "steps=10", "--scale", scale]) == 0
        sizes.append(image.imread("my_figures/irnn_memory.png").shape)
    assert sizes[0][1] == sizes[1][1]  # as wide
    assert sizes[1][0] > 1.3 * sizes[0][0]  # and higher, as its type is larger
    assert "as in: " not in capsys.readouterr().out


def test_after_a_name_help_lists_its_knobs(capsys):
    for words in (["figures", "unrolled", "--help"], ["figures", "unrolled", "--knobs"]):
        with suppress(SystemExit):  # --help leaves
            main(words)
        said = capsys.readouterr().out
        assert "steps   20       T, the length of a sequence (timesteps, 1 or more)" in said
        assert "    IndRNN\n" in said
        assert "as in: rnnlab figures unrolled --set steps=20 --series 'tanh RNN'" in said
    assert main(["figures", "--knobs"]) == 0
    everything = capsys.readouterr().out
    assert all(f"{name}: {module.TITLE}" in everything for name, module in FIGURES.items())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["unrolled", "--set", "hiden=3"], "unrolled has no knob 'hiden': did you mean hidden?"),
        (["unrolled", "--set", "hidden"], "--set takes KNOB=VALUE, as hidden=20; got 'hidden'"),
        (["unrolled", "--set", "hidden=many"], "hidden must be a whole number; got 'many'"),
        (["unrolled", "--set", "hidden=0"], "hidden must be 1 or more; got 0"),
        (["unrolled", "--series", "GRU"], "there is no series 'GRU': "),
        (["unrolld", "--set", "hidden=3"], "there is no figure 'unrolld': did you mean unrolled?"),
        (["unrolld", "--help"], "there is no figure 'unrolld': did you mean unrolled?"),
        (["cliff", "--series", "IRNN"], "cliff has no series to choose from: its knobs are updates, points"),
        (["--set", "hidden=3"], "name the figure whose knobs you turn"),
        (["indrnn_range", "--scale", "9"], "scale must be from 0.25 to 2; got 9"),
        (["oracle_errors", "--set", "steps=3"], "near must be at most steps = 3; got 10"),
        (["adding_problem", "--set", "size=huge"], "size must be one of quick, paper; got 'huge'"),
    ],
)
def test_wrong_knobs_are_refused_before_anything_is_written(words, says, tmp_path, capsys):
    assert says in refused(capsys, "figures", *words)
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_the_file_is_written_and_that_is_said(capsys):
    says = refused(capsys, "figures", "irnn_memory", "--set", "steps=5", "--show")
    assert "no window can be opened here: it needs a display" in says
    assert "open the file instead" in says
    assert Path("my_figures/irnn_memory.png").exists()


LEAKY = """
import rnnlab as rl

class Mine:
    @staticmethod
    def init(rng, *, inputs, hidden):
        return rl.RNN.irnn(rng, inputs=inputs, hidden=hidden, scale=0.9)
"""


def series(rows: int) -> str:
    return "day,price,volume\n" + "".join(f"d{i},{float(np.sin(i / 7))!r},{i % 5}\n" for i in range(rows))


def test_flow_overlays_layers_with_a_column_for_each(capsys):
    Path("mine.py").write_text(LEAKY, encoding="utf-8")
    Path("x.csv").write_text(series(80), encoding="utf-8")
    words = ["flow", "x.csv", "--column", "price", "--layer", "tanh,gru,mine.py:Mine", "--hidden", "5", "--steps", "20"]
    assert main([*words, "--format", "svg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sequences    x.csv, standardised: price: 16 of 20 steps, 1 input"
    assert lines[1] == "layers       tanh, gru, Mine, 5 units, seed 0"
    assert lines[2].split() == ["tanh", "gru", "Mine"]
    table = Table.read("figures/flow.csv")
    assert [name for (name,) in table.each("layer")] == ["tanh", "gru", "Mine"]
    assert [f"{growth:.4g}" for (growth,) in table.each("growth")] == lines[3].split()[1:]
    assert Path("figures/flow.svg").read_text(encoding="utf-8").startswith("<?xml")
    # each column is that of the layer alone
    assert main([*words[:4], "--layer", "gru", "--hidden", "5", "--steps", "20"]) == 0
    alone = Table.read("figures/flow.csv")
    np.testing.assert_array_equal(alone["median"], table.where(layer="gru")["median"])


@pytest.mark.usefixtures("unrendered")
def test_flow_takes_the_columns_of_numbers_or_the_one_that_is_named(capsys):
    Path("x.csv").write_text(series(80), encoding="utf-8")
    assert main(["flow", "x.csv", "--steps", "10", "--hidden", "4"]) == 0
    assert "x.csv, standardised: price, volume: 16 of 10 steps, 2 inputs" in capsys.readouterr().out
    assert "x.csv has no column cost; it has day, price, volume" in refused(capsys, "flow", "x.csv", "--column", "cost")
    assert "column day of x.csv has no number in row 1" in refused(capsys, "flow", "x.csv", "--column", "day")
    Path("a.txt").write_text("abc" * 50, encoding="utf-8")
    says = refused(capsys, "flow", "a.txt", "--column", "price")
    assert "a column is one of a .csv file; got 'price' for a.txt" in says


@pytest.mark.usefixtures("unrendered")
def test_a_folder_of_texts_is_one_text(capsys):
    Path("texts/more").mkdir(parents=True)
    for name, words in (("b.txt", "and then"), ("a.txt", "first"), ("more/c.txt", "at last"), ("notes.md", "not this")):
        Path("texts", name).write_text(words, encoding="utf-8")
    Path("whole.txt").write_text("first\nand then\nat last", encoding="utf-8")
    for one in ("texts", "whole.txt"):
        assert main(["flow", one, "--steps", "6", "--hidden", "4", "--out", one.removesuffix(".txt") + "_flow"]) == 0
    assert Path("texts_flow/flow.csv").read_bytes() == Path("whole_flow/flow.csv").read_bytes()
    assert main(["train", "characters", "--input", "texts", "--steps", "2", "--updates", "1", "--batch", "2"]) == 0
    Path("empty").mkdir()
    capsys.readouterr()
    assert "the folder empty holds no .txt file" in refused(capsys, "flow", "empty")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--layer", "tanh,lstn"], "a recurrent layer must be one of rnn, irnn, indrnn, lstm, gru; got 'lstn'"),
        (["--layer", "tanh", "--activation", "relu"], "tanh is an RNN with that activation: leave out --activation"),
        (["--layer", "none.py:Mine"], "none.py: No such file"),
        (["--format", "gif"], "invalid choice: 'gif'"),
    ],
)
def test_wrong_words_of_flow_are_refused(words, says, tmp_path, capsys):
    np.save("xs.npy", np.zeros((6, 2, 1)))
    assert says in refused(capsys, "flow", "xs.npy", *words)
    assert not (tmp_path / "figures").exists()


@pytest.mark.usefixtures("unrendered")
def test_a_layer_called_by_its_activation_is_that_rnn(capsys):
    xs = np.random.default_rng(1).standard_normal((15, 3, 2))
    np.save("xs.npy", xs)
    assert main(["flow", "xs.npy", "--layer", "relu,sigmoid", "--hidden", "4", "--seed", "2"]) == 0
    table = Table.read("figures/flow.csv")
    for activation in ("relu", "sigmoid"):
        layer = layers.RNN.init(np.random.default_rng(2), inputs=2, hidden=4, activation=activation)
        norms = flow.gradient_norms(layer, xs)
        wanted = np.quantile(norms[::-1] / norms[-1], 0.5, axis=1, method="nearest")
        np.testing.assert_array_equal(table.where(layer=activation)["median"], wanted)
