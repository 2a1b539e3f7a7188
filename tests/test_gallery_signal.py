"""The signal on its way up: sizes and histograms are those of the layers, as Glorot and He say."""

import numpy as np
import pytest

from deep import deep
from rnnlab.gallery import signal_in_layers as signal
from rnnlab.layers import Dense
from rnnlab.table import Table

SMALL = {"depth": 4, "width": 30, "batch": 50, "seeds": 1}


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.parse(signal.compute().text())


def test_a_histogram_holds_all_that_lies_in_its_range_and_a_size_is_that_of_its_layer():
    small = signal.compute(**SMALL)
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((50, 30))
    layer = Dense.init(rng, inputs=30, outputs=30, activation="relu", kernel_initializer="he_uniform")
    hs = layer.forward(xs).ys
    where = {"activation": "relu", "initializer": "he_uniform", "layer": 1.0}
    assert small.only("value", part="size", **where) == pytest.approx(np.square(hs).mean(), rel=1e-13)
    # Each of 40 shares is rounded to six digits.
    assert small.where(part="histogram", **where)["value"].sum() == pytest.approx((hs <= 3).mean(), abs=40 * 5e-7)


def test_a_relu_halves_the_mean_square_at_variance_one_over_n_and_keeps_it_at_two_over_n(table):
    # By layer and seed the factor differs by about √(5/n) for n = 100 units; here over 9 layers, the median of 5 seeds.
    assert signal.factor(table, "relu", "glorot_uniform") == pytest.approx(0.5, rel=0.1)
    assert signal.factor(table, "relu", "he_uniform") == pytest.approx(1.0, rel=0.1)
    assert signal.factor(table, "relu", "random_normal:stddev=0.2") == pytest.approx(2.0, rel=0.1)


def test_large_weights_saturate_tanh_and_small_ones_lose_the_signal(table):
    assert signal.edge(table, "tanh", "random_normal:stddev=0.2") > 0.1
    assert signal.edge(table, "tanh", "glorot_uniform") < 0.01
    # Variance 1e-4 on 100 inputs: a hundredth is left by each layer, and tanh is the identity to that.
    assert signal.size(table, "tanh", "random_normal:stddev=0.01") == pytest.approx(1e-20, rel=0.5)


def test_what_lies_beyond_a_map_is_said_in_its_title(table):
    exploding = "random_normal:stddev=0.2"
    hs = [signal._layers(np.random.default_rng(s), "relu", exploding, 10, 100, 200)[-1] for s in range(5)]
    share = float((np.array(hs) > 3).mean())
    # 40 shares are rounded to six digits.
    assert signal.beyond(table, "relu", exploding) == pytest.approx(share, abs=40 * 5e-7)
    assert signal._fate(table, "relu", exploding) == f"{100 * share:.0f} % above 3"
    assert signal._fate(table, "relu", "glorot_uniform").endswith("% below 0.075")
    assert signal._fate(table, "tanh", exploding).endswith("% over ±0.95")
    assert signal._fate(table, "tanh", "glorot_uniform").endswith("in layer 10")


@pytest.mark.parametrize(
    "knobs", [{"depth": 1, "width": 1, "batch": 1, "seeds": 1}, SMALL, deep({"depth": 40, "seeds": 1})]
)
def test_it_is_drawn_and_told_at_every_size(knobs):
    small = Table.parse(signal.compute(**knobs).text())
    figure = signal.draw(small)
    assert len(figure.axes) == 2 + 2 * len(signal.STARTS)
    caption = signal.caption(small)
    assert "nan" not in caption
    assert len(caption.split("**")[1].split()) <= 20
