"""What is measured of parallelism: the same computation on both sides, and a cost model that finds what was put in."""

import numpy as np
import pytest

from rnnlab.experiments import parallelism, speed
from rnnlab.experiments.cost_model import CostModel, bound, speed_ups
from timed_tables import parallelism_table


@pytest.mark.parametrize("word", speed.LAYERS)
def test_a_loop_over_sequences_gives_the_gradients_of_the_batch(word):
    T, B, D, H = 7, 4, 3, 5
    given = speed.problem(word, (T, B, D, H))
    whole, parts = speed.ours(*given)(), parallelism.one_by_one(*given)()
    np.testing.assert_allclose(np.concatenate([part.xs for part in parts], axis=1), whole.xs, atol=1e-5)
    for name, wanted in whole.params.arrays().items():
        summed = np.sum([part.params.arrays()[name] for part in parts], axis=0)
        # Sums of T B products in float32 in two orders: off by about as many roundings of the largest entry.
        assert np.abs(summed - wanted).max() <= T * B * D * H * np.finfo(np.float32).eps * np.abs(wanted).max()


@pytest.mark.deep
def test_everything_is_measured_and_has_its_row(monkeypatch):
    monkeypatch.setattr(parallelism, "elsewhere", lambda count, measure: measure())  # no time is at stake
    for name, small in (("BATCH_SIZE", (9, 4, 5)), ("STAGES_SIZE", (6, 4, 5, 3)), ("DATA_SIZE", (5, 64, 3))):
        monkeypatch.setattr(parallelism, name, small)
    table = parallelism.measure(layers=("rnn",), batches=(1, 2), widths=(4, 8), members=2, updates=2, rounds=1)
    assert list(table.columns) == parallelism.COLUMNS.split()
    assert table.where(kind="batch").each("series", "x") == [("tanh RNN", 1), ("tanh RNN", 2)]
    assert {stage for (stage,) in table.where(kind="stage").each("series")} == {
        "project",
        "recur",
        "recur back",
        "collect",
    }
    assert len(table.where(kind="stage", series="recur")) == parallelism.STAGES_SIZE[0]
    assert table.where(kind="data").each("x") == [(4,), (8,)]
    assert len(table.where(kind="shard", x=4.0)) == len(parallelism.SHARDS)
    assert (table.where(kind="gradient")["ratio"] < 1e-5).all()
    assert table.only("high", kind="same") == 0
    error, members, diversity = (
        table.only("ratio", kind="ensemble", series=name, x=2.0) for name in ("error", "members", "diversity")
    )
    assert error == pytest.approx(members - diversity, rel=1e-4)
    assert bound(table) > 1


@pytest.mark.parametrize("latency", [0.0, 1e-4, 1e-2])
@pytest.mark.parametrize("per_byte", [0.0, 1e-10, 1e-8])
def test_the_cost_model_finds_the_latency_and_the_bandwidth_that_were_put_in(latency, per_byte):
    model = CostModel.fitted(parallelism_table(latency=latency, per_byte=per_byte))
    assert model.latency == pytest.approx(latency, rel=1e-6, abs=1e-12)
    assert 1 / model.bandwidth == pytest.approx(per_byte, rel=1e-6, abs=1e-18)


def test_neither_latency_nor_the_cost_of_a_byte_is_ever_below_nothing():
    model = CostModel.fitted(parallelism_table(latency=-1e-3, per_byte=1e-9))
    assert model.latency == 0
    assert model.bandwidth > 0
    model = CostModel.fitted(parallelism_table(latency=-1e-3, per_byte=-1e-9))
    assert (model.latency, model.bandwidth) == (0, np.inf)


def test_more_workers_stop_paying_where_another_costs_more_than_it_saves():
    workers, faster = speed_ups(parallelism_table(latency=1e-5, per_byte=0.0), 16.0)
    assert faster[workers == 1] == 1
    best = workers[np.argmax(faster)]
    # t(w) = 0.2 c + 0.8 c / w + ℓ w is least at w = √(0.8 c / ℓ), with c the whole batch's time
    assert best == workers[np.argmin(np.abs(np.log(workers / np.sqrt(0.8 * (1e-3 + 2e-6 * 16**2) / 1e-5))))]
    _, slower = speed_ups(parallelism_table(latency=1.0), 16.0)
    assert slower.argmax() == 0


@pytest.mark.parametrize("steps", [1, 24])
def test_the_bound_is_that_of_the_steps_that_wait(steps):
    assert bound(parallelism_table(steps=steps, waiting=5e-3)) == pytest.approx((10 + 10 * steps) / (10 * steps))
