"""The unrolled network: its arrows are as thick as the gradient, which its two factors make step by step."""

import re
from math import prod

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from rnnlab import flow
from rnnlab.gallery import unrolled
from rnnlab.layers import LSTM, RNN
from rnnlab.table import Table

KNOBS = [
    {"steps": 1, "hidden": 1, "inputs": 1, "seeds": 1},
    {"steps": 20, "hidden": 8, "inputs": 2, "seeds": 2},
    {"steps": 300, "hidden": 4, "inputs": 1, "seeds": 1},
]


@pytest.mark.parametrize("knobs", KNOBS, ids=["smallest", "small", "long"])
def test_it_is_drawn_and_told_at_every_size(knobs):
    table = Table.parse(unrolled.compute(**knobs).text())
    figure = unrolled.draw(table)
    assert len(figure.axes) == 4
    caption = unrolled.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption
    assert not any("nan" in text.get_text() for ax in figure.axes for text in ax.texts)
    assert ("Of every 8 states one is drawn." in caption) == (knobs["steps"] == 300)


@pytest.mark.parametrize("model", ["tanh RNN", "IRNN", "IndRNN"])
def test_slope_times_u_of_every_arrow_make_the_gradient(model):
    table = unrolled.compute(steps=12, hidden=30, seeds=1).where(model=model)
    made = [prod((table["first"] * table["second"])[t + 1 :]) for t in range(13)]
    np.testing.assert_allclose(table["gradient"], made, rtol=1e-12)


def test_the_gradient_is_that_of_the_layer_and_u_of_a_tanh_net_changes_no_norm():
    table = unrolled.compute(steps=9, hidden=20, inputs=3, seeds=1).where(model="tanh RNN")
    rng = np.random.default_rng(0)
    xs, dh = rng.standard_normal((9, 1, 3)), rng.standard_normal((1, 20))
    layer = RNN.init(rng, inputs=3, hidden=20)
    norms = flow.gradient_norms(layer, xs, dh=dh / np.linalg.norm(dh))[:, 0]
    np.testing.assert_allclose(table["gradient"], norms, rtol=1e-13)
    np.testing.assert_allclose(table["second"][1:], 1, rtol=1e-13)  # an orthogonal U
    assert (table["first"][1:] < 1).all()


def test_with_its_forget_gate_alone_the_lstm_s_cell_loses_as_the_factor_says(monkeypatch):
    build = LSTM.init

    def without_u(rng, **sizes):
        layer = build(rng, **sizes)
        return layer.like(W=layer.W, U=np.zeros_like(layer.U), b=layer.b)

    monkeypatch.setattr(unrolled.LSTM, "init", without_u)
    rows = unrolled.compute(steps=10, hidden=20, seeds=1).where(model="LSTM")
    # Without U the forget gate is the only way back, so every arrow but the first is c[t-1] = f c[t].
    np.testing.assert_allclose(rows["gradient"][:9] / rows["gradient"][1:10], rows["first"][1:10], rtol=1e-12)


def test_an_arrow_is_as_thick_as_the_gradient_and_dotted_where_none_is_left():
    table = unrolled.compute(steps=6, hidden=10, seeds=1)
    rows = table.where(model="IRNN")
    rows["gradient"][:] = [0.0, 1e-9, 0.1, 0.2, 0.4, 0.8, 1.0]
    ax = unrolled.draw(rows).axes[0]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    widths = [getattr(arrow.get_arrowstyle(), "tail_width", None) for arrow in arrows]
    assert widths[0] == unrolled.THICKEST  # from the loss
    assert [width and round(width / unrolled.THICKEST, 3) for width in widths[1:]] == [None, None, 0.1, 0.2, 0.4, 0.8]
    assert "IRNN: nothing left after 6 steps" in ax.get_title(loc="left")


def test_the_title_and_the_words_follow_from_the_numbers():
    table = unrolled.compute(steps=10, hidden=30, seeds=3)
    figure = unrolled.draw(table)
    for ax, model in zip(figure.axes, unrolled.STATES, strict=True):
        assert unrolled.share(unrolled.left(table, model)) in ax.get_title(loc="left").replace("\u00a0", " ")
        words = next(text.get_text() for text in ax.texts if text.get_text().startswith("×"))
        each, steps = re.search(r"([\d.]+) a step, (\d+) times", words).groups()
        # Three digits, so each factor is right to 0.0005, and ten of them to ten times that share.
        assert float(each) ** int(steps) == pytest.approx(unrolled.left(table, model), rel=10 * 0.0006 / float(each))
    assert unrolled.share(1.0) == "100 %"
    assert unrolled.share(3e-7) == "3e-07"
