"""Figures of small networks before and after learning: the numbers in them are those of the networks."""

import numpy as np
import pytest

from deep import deep
from rnnlab import flow
from rnnlab.gallery import gradient_map, recurrent_spectrum, saliency, small_runs
from rnnlab.gallery.knobs import with_knobs
from rnnlab.table import Table
from rnnlab.tasks import Adding
from small_figures import plain

TINY = {"steps": 6, "hidden": 5, "updates": 8, "seed": 1}


def test_a_small_run_is_the_same_twice_and_its_network_has_learned():
    one, two = (small_runs.small_run("GRU", **TINY) for _ in range(2))
    np.testing.assert_array_equal(one.after.layers[0].U, two.after.layers[0].U)
    assert one.error == two.error
    assert one.updates == 8
    assert (one.after.layers[0].U != one.before.layers[0].U).any()


def test_a_run_that_diverges_keeps_its_first_network(monkeypatch):
    monkeypatch.setitem(small_runs.MODELS, "IRNN", ({"layer": "irnn"}, 1e200))
    run = small_runs.small_run("IRNN", **TINY)
    assert run.after is run.before
    assert run.error == np.inf
    monkeypatch.setattr(gradient_map, "MODELS", ("IRNN",))
    assert "diverged" in gradient_map.caption(Table.parse(gradient_map.compute(**TINY).text()))


@pytest.mark.parametrize("knobs", [TINY, {"steps": 2, "hidden": 1, "updates": 1}, deep({"steps": 60, "updates": 2})])
def test_the_map_is_drawn_and_told_at_every_size(knobs):
    table = Table.parse(gradient_map.compute(**knobs).text())
    figure = gradient_map.draw(table)
    assert len([ax for ax in figure.axes if ax.get_title(loc="left")]) == 2 * len(gradient_map.MODELS)
    caption = gradient_map.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption


def test_the_sizes_of_the_units_make_the_norm_of_the_gradient():
    table = gradient_map.compute(**TINY)
    run = small_runs.small_run("tanh RNN", **TINY)
    xs, _ = Adding(6).batch(np.random.default_rng([6, 3]), gradient_map.SEQUENCES)
    squares = np.square(flow.gradient_norms(run.before, xs)).mean(axis=1)
    rows = table.where(model="tanh RNN", updates=0.0)
    made = [np.square(rows.where(t=float(t))["size"]).sum() for t in range(7)]
    # Sizes are kept to four digits, a relative error of 5e-4 at most, of squares of 1e-3.
    np.testing.assert_allclose(made, squares / squares[-1], rtol=1.1e-3)
    assert gradient_map.left(rows) == pytest.approx(np.sqrt(squares[0] / squares[-1]), rel=6e-4)


def units(sizes):
    rows = [("GRU", 0.0, np.nan, 0.0, float(unit), size) for unit, size in enumerate(sizes)]
    return Table.of("model updates error t unit size", rows)


@pytest.mark.parametrize(
    ("sizes", "few"), [([1, 0, 0], 1), ([1, 1, 1, 1], 4), ([4, 1, 0.1], 1), ([0, 0], 0), ([2, 2, 0.1], 2)]
)
def test_carriers_are_the_fewest_with_nine_tenths_of_the_square(sizes, few):
    assert gradient_map.carriers(units(sizes)) == few


def test_the_right_titles_say_whether_it_learned_and_the_bar_where_its_scale_is_left():
    rows = [
        (model, updates, error if updates else np.nan, t, 0.0, size)
        for model, error, size in (("GRU", 0.0012, 0.5), ("IRNN", 0.188, 1.63))
        for updates in (0.0, 800.0)
        for t in (0.0, 1.0)
    ]
    table = with_knobs(Table.of("model updates error t unit size", rows), steps=1, hidden=1, seed=0)
    figure = gradient_map.draw(table)
    titles = [plain(ax.get_title(loc="left")) for ax in figure.axes[:4]]
    assert "learned" not in titles[0] + titles[2]
    assert titles[1].endswith("; learned (error 0.00120)")
    assert titles[3].endswith("; not learned (error 0.188)")
    assert gradient_map.caption(table).startswith("**GRU learns: 50.0 % of its gradient")
    assert gradient_map._beyond(table) == "both"
    assert gradient_map._beyond(table.where(model="GRU")) == "min"
    assert [gradient_map.share(value) for value in (0.384, 6.2e-5, 2e-7)] == ["38.4 %", "0.006 %", "2e-07"]


def test_a_map_has_the_unit_with_most_of_the_gradient_at_the_start_on_top():
    rows = gradient_map.compute(**TINY).where(model="IRNN", updates=0.0)
    sizes = gradient_map._map(rows)
    assert (np.diff(sizes[:, 0]) <= 0).all()
    assert sorted(sizes[:, 3]) == sorted(rows.where(t=3.0)["size"])


@pytest.mark.parametrize(
    "knobs", [TINY, {"steps": 2, "hidden": 1, "updates": 1}, {"steps": 3, "hidden": 60, "updates": 2}]
)
def test_the_eigenvalues_are_drawn_and_told_at_every_size(knobs):
    table = Table.parse(recurrent_spectrum.compute(**knobs).text())
    figure = recurrent_spectrum.draw(table)
    assert all(ax.get_aspect() == 1 for ax in figure.axes)
    caption = recurrent_spectrum.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption


def test_the_eigenvalues_are_those_of_u_and_the_identity_s_lie_on_the_circle():
    table = recurrent_spectrum.compute(**TINY)
    first = table.where(model="IRNN", updates=0.0)
    assert first["real"].tolist() == [1.0] * 5
    assert recurrent_spectrum.outside(table, "IRNN", 0.0) == 0
    u = small_runs.small_run("tanh RNN", **TINY).after.layers[0].U
    rows = table.where(model="tanh RNN", updates=8.0)
    assert rows["real"].sum() == pytest.approx(np.trace(u), rel=1e-12)  # the sum of the eigenvalues is the trace
    assert recurrent_spectrum.radius(table, "tanh RNN", 8.0) == pytest.approx(np.abs(np.linalg.eigvals(u)).max())


def test_the_finding_counts_the_nets_whose_eigenvalues_came_out():
    rows = [
        (model, updates, np.nan if not updates else error, size, 0.0)
        for model, sizes, error in (("tanh RNN", (0.9, 1.2), 0.1), ("IRNN", (1.0, 1.0001), 0.01))
        for updates, size in zip((0.0, 50.0), sizes, strict=True)
    ]
    table = with_knobs(Table.of("model updates error real imaginary", rows), steps=3, hidden=1, seed=0)
    caption = recurrent_spectrum.caption(table)
    assert "Training moves eigenvalues of U out of the unit circle in 1 of 2 nets, at most to 1.20." in caption
    titles = [
        ax.get_title(loc="left").replace("\n", " ").replace("\u00a0", " ") for ax in recurrent_spectrum.draw(table).axes
    ]
    assert titles == [
        "tanh RNN: largest |λ| 0.90 → 1.20, not learned (error 0.100)",
        "IRNN: largest |λ| 1.00 → 1.00, learned (error 0.0100)",
    ]


@pytest.mark.parametrize("knobs", [TINY, {"steps": 2, "hidden": 1, "updates": 1}, deep({"steps": 60, "updates": 4})])
def test_the_saliency_is_drawn_and_told_at_every_size(knobs):
    table = Table.parse(saliency.compute(**knobs).text())
    assert saliency.draw(table).axes
    caption = saliency.caption(table)
    assert len(caption.split("**")[1].split()) <= 20
    assert "nan" not in caption


def test_the_slopes_are_the_difference_that_a_value_makes():
    table = saliency.compute(**TINY)
    network = small_runs.small_run("GRU", **TINY).after
    xs, _ = Adding(6).batch(np.random.default_rng([6, 4]), saliency.SEQUENCES)
    rows = table.where(model="GRU", updates=8.0)
    last = 5 - xs[::-1, :, 1].argmax(axis=0)  # of each sequence the step of its second mark
    drawn = int(last.argmin())
    assert last[drawn] == 3  # the second half begins there: from no mark is it further to the end
    for t in range(6):
        up, down = xs.copy(), xs.copy()
        up[t, drawn, 0] += 1e-5
        down[t, drawn, 0] -= 1e-5
        quotient = (network.forward(up).ys[drawn, 0] - network.forward(down).ys[drawn, 0]) / 2e-5
        # Roundoff of outputs near 1 over 2e-5 is some 1e-11; the third derivative's share is (1e-5)²/6 of it, 2e-11.
        assert rows["slope"][t] == pytest.approx(quotient, abs=1e-9)
    assert rows["marked"].tolist() == xs[:, drawn, 1].tolist()


def test_a_net_that_adds_has_slope_1_where_marked_and_the_title_says_so():
    rows = [
        ("GRU", 0.0, np.nan, t, float(t in (2, 5)), float(t in (2, 5)), 1.0, 0.0) for t in (1.0, 2.0, 3.0, 4.0, 5.0)
    ]
    table = with_knobs(Table.of("model updates error t marked slope size other", rows), steps=5, hidden=1, seed=0)
    (ax,) = saliency.draw(table).axes
    assert ax.get_title(loc="left") == "GRU as initialised: marked 1.00,\n1.00; others 0.00"
    spans = sorted(len(collection.get_paths()) for collection in ax.collections)
    assert spans == [2, 3]
