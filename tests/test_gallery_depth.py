"""The figures about depth, spectra and cost: small tables that show what the captions say, and what is recorded."""

import math
import re
from functools import partial

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from deep import one_in
from rnnlab.experiments.results.tables import FOLDER, read
from rnnlab.gallery import (
    cliff,
    decay_lines,
    decay_words,
    depth_vs_time,
    gradient_decay,
    jacobian_spectrum,
    phase_diagram,
    step_cost,
    truncation_error,
)
from rnnlab.gallery.publish import publish
from rnnlab.layers import RNN, Dense
from rnnlab.table import Table
from small_figures import SMALL, small_table


class Tables(dict[str, Table]):
    """The small tables, each computed for the first test that looks at it."""

    def __missing__(self, name: str) -> Table:
        self[name] = small_table(name)
        return self[name]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return Tables()


# Decay


def test_gradients_decay_in_time_as_the_survey_says(tables):
    table = tables["gradient_decay"]
    growth = {name: table.where(series=name)["growth"][0] for name in decay_lines.SERIES}
    bound = {name: table.where(series=name)["bound"][0] for name in decay_lines.SERIES}
    for name in ("sigmoid, glorot_uniform", "sigmoid, orthogonal"):
        assert growth[name] <= np.log(bound[name])
    assert bound["sigmoid, orthogonal"] == pytest.approx(0.25, rel=1e-12)
    assert 0 > growth["tanh, orthogonal"] > growth["tanh, glorot_uniform"]
    assert growth["ReLU, orthogonal"] < -0.2
    assert abs(growth["IRNN, no input"]) < 1e-12
    assert -0.01 < growth["IRNN"] < 0
    assert -0.01 < growth["IndRNN"] < 0


def test_orthogonal_u_alone_is_not_slower_but_every_seed_decays_alike(tables):
    table = tables["gradient_decay"]
    alone, glorot = table.where(series="tanh, orthogonal U alone"), table.where(series="tanh, glorot_uniform")
    assert alone["growth"][0] < 0.95 * glorot["growth"][0]
    assert alone["spread"][0] < glorot["spread"][0] / 3


def test_norms_never_exceed_pascanus_bound(tables):
    table = tables["gradient_decay"]
    for name in ("sigmoid, orthogonal", "tanh, orthogonal", "ReLU, orthogonal"):  # here every seed has the same bound
        rows = table.where(series=name)
        with np.errstate(under="ignore"):
            assert (rows["high"] <= rows["bound"] ** rows["back"] * (1 + 1e-9) + 2.0**-1074).all()


def test_exact_zeros_are_in_the_table_and_marked_in_the_picture(tables):
    rows = tables["gradient_decay"].where(series="sigmoid, orthogonal")
    assert rows["median"][-1] == 0
    assert rows["zeros"][-1] == 1
    ax = gradient_decay.draw(tables["gradient_decay"]).axes[0]
    triangles = [line for line in ax.lines if line.get_marker() == "v"]
    assert triangles
    assert all(x > 400 for line in triangles for x in line.get_xdata())


# Its gates


def test_gates_as_they_start_lose_the_gradient_too(tables):
    growth = {name: tables["gradient_decay"].where(series=name)["growth"][0] for name in decay_lines.SERIES}
    assert -0.37 < growth["GRU"] < -0.29
    assert -0.11 < growth["LSTM, h"] < -0.05
    assert growth["LSTM, c"] == pytest.approx(growth["LSTM, h"], rel=0.02)
    assert growth["LSTM, h"] > growth["tanh, orthogonal"] > growth["GRU"]


def test_an_open_forget_gate_keeps_the_cells_gradient_and_lets_it_grow(tables):
    opened = tables["gradient_decay"].where(series="LSTM, c, forget bias 5")
    at = dict(zip(opened["back"], opened["median"], strict=True))
    assert 0.02 < at[60] / at[1] < 10
    assert 10 < at[600] < 1e5


def test_only_gates_have_no_bound(tables):
    table = tables["gradient_decay"]
    for name, series in decay_lines.SERIES.items():
        assert np.isnan(table.where(series=name)["bound"]).all() == (series.panel == decay_lines.GATES)


def test_the_cells_gradient_starts_a_step_back_and_its_zero_is_not_marked_as_lost(tables):
    table = tables["gradient_decay"]
    cell, state = table.where(series="LSTM, c"), table.where(series="LSTM, h")
    assert cell["median"][0] == 0
    assert state["median"][0] == pytest.approx(1, rel=1e-12)
    assert (cell["median"][1:] > 0).all()
    *_, gates, near = gradient_decay.draw(table).axes
    for ax in (gates, near):
        assert not any(line.get_marker() == "v" for line in ax.lines)
        assert all(line.get_ydata().min() > 0 for line in ax.lines if len(line.get_xdata()) > 2)


def test_the_close_up_has_every_one_of_its_steps(tables):
    back = tables["gradient_decay"].where(series="GRU")["back"]
    assert list(back[: decay_words.NEAR + 1]) == list(range(decay_words.NEAR + 1))
    near = gradient_decay.draw(tables["gradient_decay"]).axes[-1]
    assert near.get_xlim() == (0, decay_words.NEAR)
    assert len(near.lines) == sum(series.panel == decay_lines.GATES for series in decay_lines.SERIES.values())


def decay(**left: list[float]) -> Table:
    """A table of series "tanh, NAME" with these medians, a step each."""
    rows = [(f"tanh, {name}", float(k), m) for name, medians in left.items() for k, m in enumerate(medians)]
    return Table.of("series back median", rows)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({"a": [1, 0.5, 0.02]}, "tanh: after 2 steps 0.02 or more is left"),
        ({"a": [1, 0.5, 0.02], "b": [1, 3, 7]}, "tanh: after 2 steps 0.02 or more is left"),
        ({"a": [1, 2, 4], "b": [1, 3, 7]}, "tanh: after 2 steps at least × 4"),
        ({"a": [1, 1e-3, 1e-6]}, "tanh: vanishes, at most 1e-06 left after 2 steps"),
        ({"a": [1, 1e-3, 1e-6], "b": [1, 1e-50, 0]}, "tanh: all vanish, at most 1e-06 left after 2 steps"),
        ({"a": [1, 1e-44, 1e-46], "b": [1, 1e-50, 0]}, "tanh: all vanish, 0 in float32 after 2 steps"),
        ({"a": [1, 1, 1], "c": [0, 0.3, 0.0025]}, "tanh: 1 of 2 falls below 1/100 within 2 steps, not a"),
        ({"a": [1, 1, 1], "c": [0, 0.3, 0.0035]}, "tanh: after 2 steps 0.0035 or more is left"),  # of 0.3, not of 1
        ({"a": [1, 1, 1], "b": [1, 0, 0], "c": [1, 1, 1]}, "tanh: 1 of 3 falls below 1/100 within 2 steps, not a or c"),
    ],
)
def test_the_title_of_a_panel_of_the_decay_follows_from_what_is_left(left, says):
    table = decay(**left)
    assert decay_words.of_panel(table, "tanh", [name for (name,) in table.each("series")], 2.0) == says


# Depth against time


def end(table: Table, activation: str, gain: float, net: str) -> Table:
    return table.where(activation=activation, gain=gain, net=net, back=table["back"].max())


def test_an_rnn_without_input_is_an_mlp_that_shares_its_weight():
    rng = np.random.default_rng(7)
    norms = depth_vs_time._rnn(rng, "relu", 1.5, 12, 30)
    rng = np.random.default_rng(7)
    layer = RNN.init(rng, inputs=1, hidden=30, activation="relu", recurrent_initializer="he_uniform")
    shared = [Dense(1.5 * layer.U, layer.b, layer.activation)] * 12
    np.testing.assert_allclose(
        norms, depth_vs_time._norms_through(shared, rng.standard_normal((1, 30)), rng), rtol=1e-12
    )


@pytest.mark.deep
def test_sigmoid_vanishes_in_depth_and_in_time(tables):
    for net in depth_vs_time.NETS:
        assert 1e-34 < end(tables["depth_vs_time"], "sigmoid", 1.0, net)["median"][0] < 1e-28


@pytest.mark.deep
def test_relu_roughly_keeps_the_median_and_loses_none_for_good(tables):
    for net in depth_vs_time.NETS:
        rows = end(tables["depth_vs_time"], "relu", 1.0, net)
        assert 0.03 < rows["median"][0] < 30
        assert rows["low"][0] > 0


@pytest.mark.deep
def test_one_shared_weight_sets_the_seeds_apart(tables):
    relu = tables["depth_vs_time"].where(activation="relu", gain=1.0)

    def spread(net: str, back: float) -> float:
        return float(relu.only("spread", net=net, back=back))

    assert spread("RNN", 50.0) > 2 * max(spread("MLP", 50.0), spread("CNN", 50.0))
    assert spread("RNN", 1.0) < 1.5 * spread("MLP", 1.0)
    power = {net: np.log(spread(net, 50.0) / spread(net, 10.0)) / np.log(5) for net in ("MLP", "RNN")}
    assert power["MLP"] < 0.85 < power["RNN"]


@pytest.mark.deep
def test_a_gain_is_no_less_explosive_where_weights_are_independent(tables):
    table = tables["depth_vs_time"]
    for net in depth_vs_time.NETS:
        start = end(table, "relu", 1.0, net)["median"][0]
        for gain in depth_vs_time.GAINS:
            assert end(table, "relu", gain, net)["median"][0] == pytest.approx(start * gain**50, rel=1e-9)
        assert end(table, "sigmoid", 8.0, net)["median"][0] < 0.1
        assert end(table, "sigmoid", 16.0, net)["median"][0] > 10


# Spectra


def test_singular_values_are_ordered_and_none_is_below_the_roundoff(tables):
    curves = tables["jacobian_spectrum"].where(part="curve")
    assert (curves["largest"] >= curves["middle"]).all()
    assert (curves["middle"] >= curves["smallest"]).all()
    assert (curves["smallest"] >= curves["floor"] * (1 - 1e-12)).all()
    start = curves.where(back=0.0)
    np.testing.assert_allclose([start["largest"], start["smallest"]], 1, rtol=1e-12)
    np.testing.assert_allclose(start["directions"], 100, rtol=1e-12)


def test_the_directions_narrow_and_the_largest_obeys_pascanus_bound(tables):
    curves = tables["jacobian_spectrum"].where(part="curve")
    for name in jacobian_spectrum.STARTS:
        rows = curves.where(initializer=name)
        assert rows["directions"][-1] < 10
        assert rows["directions"][10] > 3 * rows["directions"][-1]
    assert (curves.where(initializer="orthogonal")["largest"] <= 1 + 1e-9).all()
    he = curves.where(initializer="he_uniform")
    assert 0.05 < he["largest"][-1] < 100
    assert he["middle"][-1] < 1e-12


def test_the_histogram_holds_every_singular_value_and_moves_left(tables):
    histogram = tables["jacobian_spectrum"].where(part="histogram")
    means = []
    for lag in jacobian_spectrum.LAGS:
        rows = histogram.where(back=float(lag))
        assert rows["share"].sum() == pytest.approx(1, rel=1e-12)
        means.append((rows["share"] * rows["decade"]).sum())
    assert means == sorted(means, reverse=True)
    assert means[0] > -1.2
    assert means[-1] < -4


def test_directions_are_counted_by_participation():
    assert jacobian_spectrum._directions(np.full(7, 3.0)) == pytest.approx(7)
    assert jacobian_spectrum._directions(np.array([2.0, 0, 0])) == pytest.approx(1)


def test_what_is_noise_is_not_drawn(tables):
    fans = jacobian_spectrum.draw(tables["jacobian_spectrum"]).axes[2:6]
    for ax, name in zip(fans, jacobian_spectrum.STARTS, strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        rows = tables["jacobian_spectrum"].where(part="curve", initializer=name)
        x = lines["smallest"].get_xdata()
        assert (lines["smallest"].get_ydata() > rows["floor"][: len(x)]).all()
        assert x[-1] < rows["back"][-1]
        assert lines["largest"].get_xdata()[-1] == rows["back"][-1]
        assert any(line.get_marker() == "x" for line in ax.lines)


# The phase diagram


def test_where_pascanus_bound_is_below_one_the_exponent_is_below_it(tables):
    rows = tables["phase_diagram"].where(part="rnn")
    covered = rows["bound"] < 1
    assert covered.sum() > 10
    assert (rows["exponent"][covered] < np.log(rows["bound"][covered])).all()
    assert ((rows["bound"] > 1) & (rows["exponent"] < -0.05)).sum() > 10  # and it is not necessary


@pytest.mark.parametrize(("name", "least", "most"), [("tanh", 0.8, 1.7), ("relu", 1.15, 1.8), ("sigmoid", 5.5, 12)])
def test_exponents_pass_zero_where_the_caption_says(name, least, most, tables):
    rows = tables["phase_diagram"].where(part="rnn", name=name)
    assert least < phase_diagram._critical(rows, 0.01) < most
    assert phase_diagram._sufficient(rows) < phase_diagram._critical(rows, 0.01) / 1.5


def test_input_tames_tanh_and_is_nothing_to_relu(tables):
    tanh, relu = (tables["phase_diagram"].where(part="rnn", name=name) for name in ("tanh", "relu"))
    assert phase_diagram._critical(tanh, 10.0) > 2 * phase_diagram._critical(tanh, 0.01)
    for gain in np.unique(relu["gain"]):
        assert np.ptp(relu.where(gain=gain)["exponent"]) < 1e-9
    grown = np.exp(np.diff(relu.where(scale=10.0)["exponent"]))
    np.testing.assert_allclose(grown, np.sqrt(2), rtol=0.15)  # the gains are half octaves


def test_indrnn_has_log_u_where_its_path_is_active_and_nothing_where_it_is_cut(tables):
    still, driven, tanh = (tables["phase_diagram"].where(part="indrnn", name=name) for name in phase_diagram.NEURONS)
    positive = still["gain"] > 1e-9
    np.testing.assert_allclose(still["exponent"][positive], np.log(still["gain"][positive]), atol=1e-12)
    assert (still["exponent"][~positive] == -np.inf).all()
    alive = np.isfinite(driven["exponent"])
    assert driven["gain"][alive].min() > 0.85
    assert 2 < alive.sum() < 10
    nonzero = np.abs(tanh["gain"]) > 1e-9
    assert (tanh["exponent"][nonzero] < np.log(np.abs(tanh["gain"][nonzero]))).all()
    assert tanh["exponent"].max() < 0


def test_every_cut_path_is_marked(tables):
    rows = tables["phase_diagram"].where(part="indrnn")
    curve = phase_diagram.draw(tables["phase_diagram"]).axes[3]
    marked = sum(len(line.get_xdata()) for line in curve.lines if line.get_marker() == "v")
    assert marked == (rows["exponent"] == -np.inf).sum() > 0


def test_an_exponent_that_never_passes_zero_has_no_critical_gain():
    rows = Table.of("gain scale exponent", [(g, 1.0, -0.1) for g in (0.5, 1.0, 2.0)])
    assert phase_diagram._critical(rows, 1.0) == np.inf
    rows = Table.of("gain scale exponent", [(1.0, 1.0, -1.0), (4.0, 1.0, 1.0)])
    assert phase_diagram._critical(rows, 1.0) == pytest.approx(2)


def test_it_is_hatched_from_the_bound_to_where_the_exponent_is_0_row_by_row():
    gains, scales = (0.5, 1.0, 2.0, 4.0), (0.1, 1.0, 10.0)
    rows = [
        ("rnn", "tanh", gain, scale, np.log(gain / zero), 0.1, gain / 0.8)
        for gain in gains
        for scale, zero in zip(scales, (1.0, 2.0, 0.7), strict=True)
    ]
    table = Table.of("part name gain scale exponent spread bound", rows)
    figure = Figure()
    ax = figure.subplots()
    phase_diagram._heatmap(ax, table, Normalize(-2, 2))
    hatched = [bar.get_paths()[0].vertices[:, 0] for bar in ax.collections if bar.get_hatch()]
    ends = [(xs.min(), xs.max()) for xs in hatched]
    np.testing.assert_allclose(ends, [(0.8, 1.0), (0.8, 2.0)], rtol=1e-12)  # at scale 10 the bound says all there is
    assert phase_diagram._where(table) == "vanishes up to g = 1; bound: 0.8"
    longer = Table.of(" ".join(table.columns), [row for row in rows if row[3] < 10])
    assert phase_diagram._where(longer) == "vanishes up to g = 1 to 2, by input; bound: 0.8"


def test_cells_of_the_map_are_centred_on_what_was_measured():
    edges = phase_diagram._edges(np.array([0.1, 1.0, 10.0]))
    np.testing.assert_allclose(np.sqrt(edges[1:] * edges[:-1]), [0.1, 1, 10], rtol=1e-12)


# Truncated BPTT


def test_the_length_of_a_chunk_that_the_title_names_has_a_tick(tables):
    for ax in truncation_error.draw(tables["truncation_error"]).axes:
        assert "k = 40" in ax.get_title(loc="left").replace("\u00a0", " ").replace("\n", " ")
        assert "40" in [tick.get_text() for tick in ax.get_xticklabels()]


def test_a_layer_that_forgets_can_be_truncated_and_one_that_keeps_cannot(tables):
    at40 = tables["truncation_error"].where(loss="last", k=40.0)
    error = dict(zip(at40["layer"], at40["error"], strict=True))
    assert 1e-7 < error["tanh RNN"] < 1e-3
    assert error["tanh RNN"] < error["LSTM"] < 0.1
    assert min(error["IRNN"], error["IndRNN"]) > 0.5


def test_what_is_cut_off_vanishes_as_fast_as_the_gradient(tables):
    rows = tables["truncation_error"].where(loss="last", layer="tanh RNN")
    slope = np.log(rows.only("error", k=20.0) / rows.only("error", k=80.0)) / 60
    assert slope == pytest.approx(-rows["growth"][0], rel=0.15)


def test_a_loss_on_every_step_is_never_rid_of_the_cuts(tables):
    rows = tables["truncation_error"].where(loss="every", layer="tanh RNN")
    power = np.log(rows.only("error", k=20.0) / rows.only("error", k=80.0)) / np.log(4)
    assert 0.3 < power < 0.9
    assert rows.only("error", k=120.0) > 0.02


def test_a_stretch_of_all_steps_is_full_bptt_to_the_last_bit_and_marked(tables):
    table = tables["truncation_error"]
    assert (table.where(k=240.0)["error"] == 0).all()
    assert (table["error"][table["k"] < 240] > 0).all()
    for ax in truncation_error.draw(table).axes:
        marked = [line for line in ax.lines if line.get_marker() == "v"]
        assert len(marked) == len(truncation_error.LAYERS)
        assert all(list(line.get_xdata()) == [240] for line in marked)


# The cliff


def test_the_error_is_what_its_equation_says():
    x = 0.5
    for _ in range(50):
        x = 4.3 / (1 + math.exp(-x)) - 2.1
    wanted = (1 / (1 + math.exp(-x)) - 0.7) ** 2
    assert cliff.error(np.array([4.3]), np.array([-2.1]))[0][0] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("beside", [-1.0, -1e-3, 1e-3, 1.0])
@pytest.mark.parametrize("w", [0.5, 3.0, 4.3, 5.0, 6.5])
def test_the_gradient_on_and_off_the_cliff_agrees_with_the_complex_step(w, beside):
    b = float(cliff.crest(np.array([w]))[0]) + beside
    point = np.array([w]), np.array([b])
    dw, db = (derivative[0] for derivative in cliff.gradient(*point))
    stepped = [
        cliff.error(point[0] + 1e-20j * (at == 0), point[1] + 1e-20j * (at == 1))[0][0].imag / 1e-20 for at in (0, 1)
    ]
    assert dw == pytest.approx(stepped[0], rel=1e-9, abs=0)
    assert db == pytest.approx(stepped[1], rel=1e-9, abs=0)


def test_the_cliff_is_where_the_start_is_a_fixed_point_that_repels():
    assert cliff.growth(1 / cliff.growth(1.0)) == pytest.approx(1)
    for w, least, most in ((3.5, 0, 0.05), (5.0, 0.2, 0.5)):
        here = np.full(2, w)
        b = cliff.crest(here) + np.array([-0.02, 0.02])
        below, above = cliff.error(here, b)[0]
        assert least < abs(below - above) < most
        assert cliff.error(here, cliff.crest(here))[1][3][0] == pytest.approx(cliff.START, rel=1e-12)


def test_a_clipped_step_keeps_its_direction():
    np.testing.assert_allclose(cliff.clipped(np.array([3.0, -4.0]), 0.5), [0.3, -0.4], rtol=1e-12)
    np.testing.assert_array_equal(cliff.clipped(np.array([0.3, 0.1]), 0.5), [0.3, 0.1])
    np.testing.assert_array_equal(cliff.clipped(np.zeros(2), 0.5), [0, 0])


@pytest.mark.parametrize("start", cliff.STARTS)
def test_one_step_leaves_the_cliff_unless_it_is_clipped(start, tables):
    free, bound = (tables["cliff"].where(part="path", start=start, clip=clip) for clip in ("none", "norm"))
    long, short = (np.hypot(np.diff(rows["w"]), np.diff(rows["b"])) for rows in (free, bound))
    thrown = int(long.argmax())
    assert long.max() > 2
    assert (np.delete(long, thrown) < 0.1).all()
    assert 0 < short.max() <= cliff.RATE * cliff.CLIP * (1 + 1e-12)
    for column in ("w", "b", "error", "gradient"):
        np.testing.assert_array_equal(free[column][: thrown + 1], bound[column][: thrown + 1])
    assert free["gradient"][thrown] > 10
    assert (free["gradient"][thrown + 1 :] < 0.01).all()
    assert free["error"][-1] > 0.08
    late = bound["error"][len(bound["error"]) // 2 :]
    assert cliff.swing(bound) == f"between {late.min():.1g} and {late.max():.1g}"
    assert late.max() > 10 * late.min()  # it comes back to the cliff, and does not settle


# What is measured once


def test_products_are_counted_by_the_gate():
    assert step_cost.products("IRNN", 10, 20) == 3 * (10 + 20) * 20
    assert step_cost.products("LSTM", 10, 20) == 4 * step_cost.products("IRNN", 10, 20)
    assert step_cost.products("GRU", 10, 20) == 3 * step_cost.products("IRNN", 10, 20)
    assert step_cost.products("IndRNN", 10, 20) == 3 * 10 * 20


def test_costs_are_relative_to_the_irnn_of_the_same_round(tables):
    table = tables["step_cost"]
    assert list(table.columns) == list(read("step_cost").columns)
    assert (table["seconds"] > 0).all()
    assert (table["low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["high"]).all()
    irnn = table.where(layer="IRNN")
    assert (irnn["low"] == 1).all()
    assert (irnn["high"] == 1).all()
    assert f"NumPy {np.__version__}" in step_cost.caption(table)


KNOBS = 50.0, 32.0, 32.0, 25.0


def measured(lstm: tuple[float, ...]) -> Table:
    """A step_cost table in which the LSTM takes so many times as long as the IRNN."""
    rows = []
    for hidden, ratio in zip((64.0, 128.0), lstm, strict=True):
        for name, times in {"IRNN": 1.0, "IndRNN": 0.5, "GRU": 3.5, "LSTM": ratio}.items():
            rows.append(
                (name, hidden, 1e-3, times, times, times, step_cost.products(name, 32, int(hidden)), "a desk", *KNOBS)
            )
    return Table.of(" ".join(read("step_cost").columns), rows)


def test_the_verdict_on_the_claim_follows_the_measurement():
    said = "An LSTM step costs 4 IRNN steps or more in the median"
    assert f"{said} at all of these sizes, and in nine rounds of ten." in step_cost.caption(measured((4.2, 5.0)))
    assert f"{said} at H = 128, and in nine rounds of ten." in step_cost.caption(measured((3.9, 5.0)))
    assert f"{said} at none of these sizes, and in nine rounds of ten." in step_cost.caption(measured((3.9, 2.0)))
    table = measured((4.2, 5.0))
    noisy = Table({**table.columns, "low": table["low"] - 0.5})
    assert f"{said} at all of these sizes, and in nine rounds of ten at H = 128." in step_cost.caption(noisy)


@pytest.fixture
def measurements(monkeypatch) -> list[float]:
    """The times that the LSTM will be found to take, used up one by one."""
    left = [5.0, 6.0, 7.0]
    monkeypatch.setattr(step_cost, "compute", lambda: measured((left[0], left.pop(0))))
    return left


def test_a_measurement_is_made_once_and_drawn_again_from_its_table(tmp_path, measurements):
    assert publish(["step_cost"], tmp_path, recompute=True) == {"step_cost": "computed"}
    table, picture = ((tmp_path / f"step_cost.{kind}").read_bytes() for kind in ("csv", "png"))
    (tmp_path / "step_cost.png").unlink()
    assert publish(["step_cost"], tmp_path) == {"step_cost": "own"}
    assert len(measurements) == 2
    assert "[table](step_cost.csv) of your own, unlike the recorded one" in (tmp_path / "README.md").read_text("utf-8")
    assert (tmp_path / "step_cost.csv").read_bytes() == table
    assert (tmp_path / "step_cost.png").read_bytes() == picture


@pytest.mark.usefixtures("unrendered")
def test_in_an_empty_folder_the_measurement_that_the_package_comes_with_is_drawn(tmp_path, measurements):
    assert publish(["step_cost"], tmp_path) == {"step_cost": "recorded"}
    assert len(measurements) == 3
    assert not (tmp_path / "step_cost.csv").exists()
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    (target,) = re.findall(r"\[table\]\((\S+)\);", page)
    assert (tmp_path / target).resolve() == (FOLDER / "step_cost.csv").resolve()


@pytest.mark.usefixtures("unrendered")
def test_a_measurement_is_made_anew_when_asked_for(tmp_path, measurements):
    publish(["step_cost"], tmp_path, recompute=True)
    assert publish(["step_cost"], tmp_path, recompute=True) == {"step_cost": "computed"}
    assert Table.read(tmp_path / "step_cost.csv").where(layer="LSTM")["ratio"][0] == 6
    assert "`rnnlab figures step_cost --recompute`" in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("unrendered")
def test_what_can_be_computed_is_never_taken_from_a_table(tmp_path):
    (tmp_path / "irnn_memory.csv").write_text("alpha,k\n1,2\n", encoding="utf-8")
    assert publish(["irnn_memory"], tmp_path) == {"irnn_memory": "computed"}
    assert len(Table.read(tmp_path / "irnn_memory.csv")) > 100
    assert "--recompute" not in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("broken", [b"", b"layer,hidden\nIRNN,64\n", b"\xff\xfe", b"x,y\n1\n"])
def test_a_foreign_table_is_refused_and_left_alone(broken, tmp_path, measurements):
    path = tmp_path / "step_cost.csv"
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=r"step_cost\.csv is not a table with the columns layer hidden .* delete it"):
        publish(["step_cost"], tmp_path)
    assert path.read_bytes() == broken
    assert len(measurements) == 3


@pytest.mark.parametrize(
    "name", one_in(5, ["truncation_error", "depth_vs_time", "jacobian_spectrum", "phase_diagram", "cliff"])
)
def test_what_is_computed_twice_is_the_same_table(name):
    module, _ = SMALL[name]
    knobs = {
        "depth_vs_time": {"seeds": 1, "depth": 10, "width": 30},
        "jacobian_spectrum": {"seeds": 1, "steps": 20, "hidden": 20},
        "phase_diagram": {"seeds": 1, "steps": 15, "discard": 5, "hidden": 8, "gains": 3, "scales": 2},
        "cliff": {"points": 5},
        "truncation_error": {"seeds": 1, "ks": (1, 5, 20), "hidden": 5},
    }[name]
    compute = partial(module.compute, **knobs)
    assert compute().text() == compute().text()
