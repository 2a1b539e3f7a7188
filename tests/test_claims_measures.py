"""Parts that are computed, on made-up nets and tables: each measure tells what confirms its part from what does not."""

import re

import numpy as np
import pytest

from rnnlab.claims import depth, indrnn, irnn, nets, orthogonal, parallelism
from rnnlab.claims.claim import Part, judge_part
from rnnlab.claims.evidence import Evidence
from rnnlab.claims.ledger import CLAIMS
from rnnlab.layers import Dense
from rnnlab.table import Table

OPPOSITE = {"confirmed": "contradicted", "contradicted": "confirmed"}
RATES = {"explode": 2.0, "keep": 1.0, "vanish": 0.25}
"""Growth of every net's outputs and gradients, per layer; also 1.5 times as large it vanishes."""
GROWN = 1.5


def parts(*names: str) -> dict[str, Part]:
    return {f"{claim.name} {part.says}": part for claim in CLAIMS if claim.name in names for part in claim.parts}


def outcome(part: Part, evidence: Evidence) -> str:
    return judge_part(part, evidence).finding.outcome


WANTED = {
    r"C15 fifty sigmoid layers lose the gradient": lambda rate: rate < 1,
    r"C15 the same layers without sigmoid do not": lambda rate: rate >= 1,
    r"C15 ten layers shrink the error even if .*": lambda rate: rate <= 1,
    r"C16 with ReLU and \w+, most CNNs of 50 layers keep the gradient": lambda rate: rate == 1,
    r"C16 with sigmoid and \w+, most CNNs of 50 layers lose the gradient": lambda rate: rate != 1,
    r"C17 one shared W, weights as .*: after \d+ steps most nets' outputs are above 1,000": lambda rate: rate > 1,
    r"C17 one shared W, weights × 1.5: after \d+ steps .*": lambda rate: rate * GROWN > 1,
    r"C17 one shared W: \d+ steps back the gradient explodes, .*": lambda rate: rate > 1,
    r"C17 one shared W: \d+ steps back the gradient vanishes, .*": lambda rate: rate < 1,
    r"C17 independent.* W, weights × 1.5: \d+ layers back the gradient rarely explodes": lambda rate: rate * GROWN <= 1,
    r"C17 independent.* W: \d+ layers back the gradient rarely explodes": lambda rate: rate <= 1,
    r"C17 independent.* W: \d+ layers back the gradient rarely vanishes": lambda rate: rate >= 1,
    r"C1 fifty ReLU layers lose the gradient.*": lambda rate: rate / 2**0.5 < 1 - 0.1,
    r"C5 with Keras's σ = 0.05, most nets .* lose the gradient or let it explode": lambda rate: rate * 0.25 != 1,
    r"C5 so do most with σ = 0.2, which fits their width, 50": lambda rate: rate != 1,
}
"""When a part of many nets is confirmed, read from its words."""


@pytest.mark.parametrize("world", RATES)
def test_parts_of_many_nets_tell_what_grows_from_what_does_not(world, monkeypatch, tmp_path):
    rate = RATES[world]

    def made_up(kind, activation, kernel, depth=nets.LONG, width=nets.WIDTH, count=nets.NETS):
        norms = np.tile(rate ** np.arange(depth + 1.0), (count, 1))
        return nets.Norms(norms, norms)

    monkeypatch.setattr(nets, "norms", made_up)
    evidence, tried = Evidence(tmp_path), set()
    for words, part in parts("C1", "C5", "C15", "C16", "C17").items():
        for pattern, holds in WANTED.items():
            if re.fullmatch(pattern, words):
                tried.add(pattern)
                assert outcome(part, evidence) == ("confirmed" if holds(rate) else "contradicted"), words
    assert tried == WANTED.keys()
    assert all(any(re.fullmatch(pattern, words) for pattern in WANTED) for words in parts("C17"))


def test_made_of_layers_the_independent_nets_are_the_same():
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((6, 6)) / 2 for _ in range(5)]
    layers = [
        Dense(W, np.zeros(6), Dense.init(rng, inputs=1, outputs=1, activation="tanh").activation) for W in weights
    ]
    y, dy = np.random.default_rng(1).standard_normal((2, 6))
    outputs, gradients = nets.plain("tanh", weights, np.random.default_rng(1))
    xs, traces = y[None], []
    for layer in layers:
        traces.append(layer.forward(xs))
        xs = traces[-1].ys
    dys = dy[None]
    for layer, trace in zip(layers[::-1], traces[::-1], strict=True):
        dys = layer.backward(trace, dys).xs
    assert outputs[-1] == pytest.approx(np.linalg.norm(xs) / np.linalg.norm(y), rel=1e-12)  # five products of six terms
    assert gradients[-1] == pytest.approx(np.linalg.norm(dys) / np.linalg.norm(dy), rel=1e-12)


def test_a_sparse_unit_has_as_many_inputs_as_a_filter_and_weights_as_large(monkeypatch):
    seen = []
    monkeypatch.setattr(nets, "plain", lambda activation, weights, rng: seen.append(weights) or (None, None))
    nets.sparse("relu", "he_uniform", 40, 50, np.random.default_rng(0))
    (weights,) = seen
    assert (np.count_nonzero(weights, axis=1) == nets.TAPS).all()
    drawn = weights[weights != 0]
    wanted = 2 / nets.TAPS  # of a uniform distribution; the variance of its square is 4/5 of that squared
    assert abs(drawn.var() - wanted) < 5 * wanted * np.sqrt(0.8 / len(drawn))


def test_a_gain_multiplies_a_relu_net_s_gradient_at_every_layer():
    """What C1, C5 and C17 take from nets of he_uniform for other scales."""
    he, large = (
        nets.norms(nets.independent, "relu", f"variance_scaling:scale={scale},distribution=uniform", 20, 30, 3)
        for scale in (2, 8)
    )
    np.testing.assert_allclose(large.gradients, he.gradients * 2.0 ** np.arange(21), rtol=1e-11)
    np.testing.assert_allclose(large.outputs, he.outputs * 2.0 ** np.arange(21), rtol=1e-11)


# The IRNN and the LSTM


def test_an_irnn_that_loses_something_is_found_out(tmp_path):
    evidence = Evidence(tmp_path)
    evidence._measured[(irnn.kept_by_irnn,)] = irnn.kept_by_irnn(np.nextafter(1, 0))
    found = [outcome(part, evidence) for part in parts("C8").values()]
    assert found == ["contradicted"] * 4 + ["confirmed"]  # the last has an IRNN of its own


@pytest.mark.deep
def test_an_lstm_whose_gate_is_not_quite_open_is_another(tmp_path, monkeypatch):
    monkeypatch.setattr(irnn, "OPEN", 10.0)
    monkeypatch.setattr(irnn.kept_by_lstm, "__defaults__", (10.0,))
    found = [outcome(part, Evidence(tmp_path)) for part in parts("C8").values()]
    assert found == ["confirmed"] * 2 + ["contradicted"] * 3


def test_an_irnn_that_forgets_at_another_rate_is_found_out(tmp_path):
    evidence = Evidence(tmp_path)
    evidence._measured[(irnn.kept_by_irnn, irnn.ALPHA)] = irnn.kept_by_irnn(0.95)
    found = [outcome(part, evidence) for part in list(parts("C9").values())[:3]]
    assert found == ["contradicted"] * 3


# orthogonal


@pytest.mark.parametrize("better", [True, False])
def test_orthogonal_against_glorot(better, tmp_path):
    evidence, noise = Evidence(tmp_path), np.random.default_rng(0).standard_normal(20)
    good, bad = -0.1 + 0.001 * noise, -0.2 + 0.03 * noise[::-1]
    names = ("orthogonal", "glorot_uniform") if better else ("glorot_uniform", "orthogonal")
    for activation in ("tanh", "relu"):
        for both in (True, False):
            for name, values in zip(names, (good, bad), strict=True):
                gain = values if activation == "tanh" else bad  # for ReLU there is none
                evidence._measured[(orthogonal.growth, activation, name, both)] = gain
    for name, size in zip(names, (1e-2, 1e-6), strict=True):
        evidence._measured[(orthogonal.middle, name)] = size * np.exp(0.1 * noise)
    found = {outcome(part, evidence) for words, part in parts("C4").items() if "learns" not in words}
    assert found == {"confirmed" if better else "contradicted"}


# IndRNN


def test_paths_that_are_cut_are_counted(tmp_path):
    evidence = Evidence(tmp_path)
    for inputs, arrived, alive in (("adding", 1.0, 0.9), ("normal", 0.0, 0.1)):
        evidence._measured[(indrnn._arrives, inputs)] = np.full(50, arrived), np.full(50, alive)
    found = [outcome(part, evidence) for words, part in parts("C18").items() if "whole nets" in words]
    assert found == ["confirmed", "contradicted"] * 2


@pytest.mark.parametrize(("kind", "gradient", "wanted"), [("epsilon", 0.49, 0), ("gamma", 2.01, 1), ("", 1.0, 2)])
def test_a_range_that_is_left_is_found_out(kind, gradient, wanted, tmp_path):
    evidence = Evidence(tmp_path)
    rows = [(one, 2000.0, gradient if one == kind else middle) for one, middle in (("epsilon", 0.5), ("gamma", 2.0))]
    evidence._tables["indrnn_range"] = Table.of("kind steps gradient", rows)
    found = [outcome(part, evidence) for words, part in parts("C18").items() if " end" in words]
    assert [one == "confirmed" for one in found] == [wanted != 0, wanted != 1]


# Slopes and im2col


def test_a_slope_that_is_too_large_is_found_out(tmp_path):
    evidence = Evidence(tmp_path)
    rows = [("sigmoid", "curve", 0.0), ("sigmoid", "curve", np.nextafter(0.25, 1)), ("relu", "curve", 1.0)]
    evidence._tables["activation_slopes"] = Table.of("activation part slope", rows)
    words = {**parts("C15"), **parts("C16")}
    assert outcome(words["C15 sigmoid's slope is at most 0.25"], evidence) == "contradicted"
    assert outcome(words["C15 it is above 0"], evidence) == "contradicted"
    assert outcome(words["C16 ReLU's slope is always 1"], evidence) == "confirmed"
    assert outcome(words["C16 an active ReLU's slope is 1"], evidence) == "confirmed"


def test_a_matrix_that_is_not_the_convolution_is_found_out(tmp_path, monkeypatch):
    words = parts("C16")
    part = words["C16 its product with the filter is the convolution"]
    assert outcome(part, Evidence(tmp_path)) == "confirmed"
    right = depth.im2col
    monkeypatch.setattr(depth, "im2col", lambda *a, **more: right(*a, **more)[..., ::-1].copy())
    assert outcome(part, Evidence(tmp_path)) == "contradicted"
    monkeypatch.setattr(depth, "im2col", lambda *a, **more: right(*a, padding=0))
    assert outcome(words["C16 there are 25 positions"], Evidence(tmp_path)) == "contradicted"


# Parallelism

BROKEN = {
    "steps wait": {"kind": "stage"},
    "two workers' averaged gradient": {"kind": "gradient", "ratio": 0.1},
    "with two workers the largest": {"kind": "data", "ratio": 0.9, "low": 0.8, "high": 0.95},
    "every layer is faster on a batch": {"kind": "batch", "ratio": 0.9, "low": 0.8, "high": 0.95},
    "an ensemble's error": {"kind": "ensemble", "series": "error", "ratio": 9.0},
    "members trained at once": {"kind": "same", "high": 1e-9},
    "two members at once": {"kind": "members", "ratio": 0.9, "low": 0.8, "high": 0.95},
}


@pytest.mark.parametrize("words", BROKEN)
def test_each_part_of_parallelism_is_found_out_where_it_fails(words, tmp_path):
    evidence = Evidence(tmp_path)
    table = evidence.table("parallelism")
    changes = dict(BROKEN[words])
    rows = np.all([table[name] == changes.pop(name) for name in ("kind", "series") if name in changes], axis=0)
    if words == "steps wait":  # every stage but the recurrence took almost all the time
        rows &= np.array([not str(stage).startswith("recur") for stage in table["series"]])
        changes = {"other": table["seconds"].max() + 1e6}
    broken = {
        name: np.where(rows, changes[name], column) if name in changes else column
        for name, column in table.columns.items()
    }
    (part,) = [part for says, part in parts("C7").items() if says.startswith(f"C7 {words}")]
    assert outcome(part, evidence) == "confirmed"
    evidence._tables["parallelism"] = Table(broken)
    assert outcome(part, evidence) == "contradicted"


@pytest.mark.parametrize("off", [0.0, 1e-3])
def test_steps_at_once_that_are_not_those_one_by_one_are_found_out(off, tmp_path, monkeypatch):
    class Leaky(parallelism.RNN):
        def forward(self, xs, *starts):
            trace = super().forward(xs, *starts)
            trace.hs[1:] *= 1 + off * len(xs)
            return trace

    monkeypatch.setattr(parallelism, "RNN", Leaky)
    (part,) = [part for words, part in parts("C7").items() if "does not need the state" in words]
    assert outcome(part, Evidence(tmp_path)) == ("contradicted" if off else "confirmed")
