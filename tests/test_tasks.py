"""Tasks: batches are what their pages say, to the last bit; baselines are the best answers without a look at x."""

import hashlib
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlab as rl
from letters import letters
from rnnlab import models
from rnnlab.layers.batchnorm import evaluating
from rnnlab.sequences import read, read_numbers
from rnnlab.tasks import Adding, Characters, Copying, Series
from rnnlab.training import evaluate, fit

seeds = st.integers(0, 10**6)
SENTENCE = "the quick brown fox jumps over the lazy dog; "


def digest(batch):
    """SHA-256 of xs and targets, as little-endian bytes."""
    sha = hashlib.sha256()
    for array in batch:
        sha.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return sha.hexdigest()[:16]


# What every task keeps to

TASKS = {
    "adding": Adding(steps=6),
    "adding, markers anywhere": Adding(steps=6, markers="anywhere"),
    "copying": Copying(delay=3),
    "characters": Characters.of(SENTENCE * 10, steps=8),
    "series": Series.mackey_glass(length=300, steps=8),
}
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())


@every_task
def test_batches_have_the_shapes_that_the_task_speaks_of(task):
    T, D, K, B = task.steps, task.inputs, task.outputs, 5
    for xs, targets in (task.batch(np.random.default_rng(0), B), *task.test()):
        N = xs.shape[1]
        assert xs.shape == ((T, N) if task.symbolic else (T, N, D))
        assert xs.dtype == (np.int64 if task.symbolic else np.float64)
        if task.symbolic:
            assert 0 <= xs.min() <= xs.max() < D
        ys = np.zeros((N, K) if task.reads == "last" else (T, N, K))
        value, dys = task.loss(ys, targets)
        assert math.isfinite(value)
        assert dys.shape == ys.shape
        total, count = task.score(ys, targets)
        assert math.isfinite(total)
        assert count == ys.size / K  # an answer for each sequence, or for each step of each
    assert task.batch(np.random.default_rng(0), B)[0].shape[1] == B
    assert task.baseline > 0
    assert task.measure


@every_task
def test_the_same_generator_draws_the_same_batch_and_moves_on(task):
    rng = np.random.default_rng(3)
    first, second = task.batch(rng, 4), task.batch(rng, 4)
    again = task.batch(np.random.default_rng(3), 4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], second[0])


@every_task
def test_held_out_batches_are_the_same_every_time_and_no_training_batch_is_among_them(task):
    once, twice = list(task.test()), list(task.test())
    assert all(
        np.array_equal(a, b) for one, two in zip(once, twice, strict=True) for a, b in zip(one, two, strict=True)
    )
    columns = {xs[:, s].tobytes() for xs, _ in once for s in range(xs.shape[1])}
    drawn = [task.batch(np.random.default_rng(seed), 100)[0] for seed in range(5)]
    if isinstance(task, Characters):
        return  # the same words may well stand in both halves of a text; see below for their places
    assert len(columns) == sum(xs.shape[1] for xs, _ in once)
    assert not any(xs[:, s].tobytes() in columns for xs in drawn for s in range(100))


@every_task
@pytest.mark.parametrize("layer", ["rnn", "linear"])
def test_a_built_network_trains_on_it(task, layer):
    network = models.build(np.random.default_rng(0), task, layer=layer, hidden=5)
    out = fit(network, task, updates=2, every=1, batch=4, lr=0.01)
    assert [row.update for row in out.rows] == [0, 1, 2]
    assert all(math.isfinite(number) for row in out.rows for number in row)
    assert out.rows[-1].score == evaluate(out.network, task)


# Adding


@pytest.mark.parametrize("markers", ["halves", "anywhere"])
@given(seeds, st.integers(2, 12), st.integers(1, 6))
def test_adding_marks_two_places_and_wants_the_sum_of_their_values(markers, seed, T, B):
    xs, targets = Adding(T, markers).batch(np.random.default_rng(seed), B)
    assert xs.shape == (T, B, 2)
    assert targets.shape == (B, 1)
    assert (xs[:, :, 0] >= 0).all()
    assert (xs[:, :, 0] < 1).all()
    for s in range(B):
        marked = [t for t in range(T) if xs[t, s, 1] == 1]
        assert sorted(xs[:, s, 1]) == [0] * (T - 2) + [1, 1]
        assert targets[s, 0] == xs[marked[0], s, 0] + xs[marked[1], s, 0]
        if markers == "halves":
            assert marked[0] < T // 2 <= marked[1]


def places(task, size):
    xs, _ = task.batch(np.random.default_rng(0), size)
    return Counter(tuple(np.flatnonzero(xs[:, s, 1]).tolist()) for s in range(size))


def test_markers_are_as_likely_at_one_place_as_at_another():
    size = 12_000
    for task, pairs in (
        (Adding(4, "anywhere"), [(a, b) for b in range(4) for a in range(b)]),
        (Adding(5, "halves"), [(a, b) for a in range(2) for b in range(2, 5)]),
    ):
        found = places(task, size)
        assert sorted(found) == sorted(pairs)
        for count in found.values():  # binomial, p = 1/6: within five standard deviations
            assert abs(count - size / 6) <= 5 * math.sqrt(size * 5 / 36)


@pytest.mark.parametrize("markers", ["halves", "anywhere"])
def test_adding_s_baseline_is_the_variance_of_its_targets(markers):
    task = Adding(10, markers)
    _, targets = task.batch(np.random.default_rng(0), 200_000)
    # The mean of N sums has the standard deviation √(1/6N) and their variance √((1/15 - 1/36)/N); five of them.
    assert abs(targets.mean() - 1) <= 5 * math.sqrt(1 / 6 / len(targets))
    assert abs(targets.var() - task.baseline) <= 5 * math.sqrt((1 / 15 - 1 / 36) / len(targets))
    assert task.baseline == 1 / 6


def test_adding_s_score_is_the_squared_error_of_every_answer():
    task = Adding(6)
    held_out = list(task.test())
    assert [xs.shape[1] for xs, _ in held_out] == [250] * 4
    for xs, targets in held_out:
        each = np.arange(250)
        marked = np.argsort(-xs[:, :, 1], axis=0, kind="stable")[:2]
        right = xs[marked, each, 0].sum(axis=0)[:, None]
        assert task.score(right, targets) == (0.0, 250)
        total, count = task.score(np.ones((250, 1)), targets)
        assert total / count == pytest.approx(task.baseline, rel=0.2)
        assert total == pytest.approx(math.fsum((1 - float(target)) ** 2 for target in targets[:, 0]), rel=1e-12)
        assert task.loss(np.ones((250, 1)), targets)[0] == pytest.approx(total / count, rel=1e-12)


def test_adding_s_batches_are_those_on_record():
    batch = Adding(6).batch(np.random.default_rng(0), 2)
    assert batch[0][0, 0, 0] == 0.6369616873214543  # PCG64's first number after seed 0
    assert digest(batch) == "e40f71b5d3608a04"
    assert digest(Adding(7, "anywhere").batch(np.random.default_rng(1), 100)) == "d5e900a414c3f97b"
    assert digest(next(Adding(100).test())) == "662d4a2a49843d73"


def test_adding_refuses_what_is_no_adding_problem():
    with pytest.raises(ValueError, match=r"^the adding problem needs at least 2 steps; got 1$"):
        Adding(1)
    with pytest.raises(ValueError, match=r"^markers must be 'halves' or 'anywhere'; got 'thirds'$"):
        Adding(10, "thirds")


# Copying


@given(seeds, st.integers(1, 12), st.integers(1, 5))
def test_copying_lays_out_symbols_blanks_a_marker_and_blanks(seed, delay, B):
    task = Copying(delay)
    xs, targets = task.batch(np.random.default_rng(seed), B)
    assert xs.shape == targets.shape == (delay + 20, B) == (task.steps, B)
    for s in range(B):
        x, target = xs[:, s].tolist(), targets[:, s].tolist()
        symbols = x[:10]
        assert set(symbols) <= set(range(8))
        assert x == symbols + [8] * (delay - 1) + [9] + [8] * 10
        assert target == [8] * (delay + 10) + symbols


def test_copying_s_symbols_are_equally_likely():
    xs, _ = Copying(1).batch(np.random.default_rng(0), 4000)
    counts = np.bincount(xs[:10].ravel())
    assert len(counts) == 8
    assert np.abs(counts - 5000).max() <= 5 * math.sqrt(40_000 * 7 / 64)


@pytest.mark.parametrize("delay", [1, 10, 100])
def test_copying_s_baseline_is_the_score_of_the_best_answer_without_a_memory(delay):
    task = Copying(delay)
    logits = np.zeros((task.steps, 125, 9))
    logits[: delay + 10, :, 8] = 1000  # certainly blank, while blanks are due
    logits[delay + 10 :, :, 8] = -1000  # then any symbol but the blank
    for _, targets in task.test():
        total, count = task.score(logits, targets)
        assert count == 125 * (delay + 20)
        assert total / count == pytest.approx(task.baseline, rel=1e-12)
    assert task.baseline == pytest.approx(10 * math.log(8) / (delay + 20), rel=1e-15)


def test_copying_s_score_of_the_right_answer_is_zero():
    task = Copying(4)
    assert [xs.shape[1] for xs, _ in task.test()] == [125] * 4
    for _, targets in task.test():
        assert task.score(1000 * np.eye(9)[targets], targets) == (0.0, targets.size)


def test_copying_s_batches_are_those_on_record():
    xs, _ = Copying(5).batch(np.random.default_rng(0), 1)
    assert xs[:10, 0].tolist() == [6, 5, 4, 2, 2, 0, 0, 0, 1, 6]
    assert digest(Copying(5).batch(np.random.default_rng(0), 100)) == "07c584df2b038f42"
    assert digest(next(Copying(100).test())) == "2187e40cf79ef116"


def test_copying_refuses_a_delay_of_nothing():
    with pytest.raises(ValueError, match=r"^the copying problem needs a delay of at least 1 step; got 0$"):
        Copying(0)


# Characters: in a text whose characters are all different, a code is the place of its character


def places_text(length):
    return "".join(chr(0x4E00 + i) for i in range(length))


@pytest.mark.parametrize(("length", "steps"), [(71, 7), (200, 7), (100, 5), (403, 10)])
def test_the_first_nine_tenths_are_for_training_and_no_test_window_reaches_into_them(length, steps):
    task = Characters.of(places_text(length), steps=steps)
    assert task.codes.tolist() == list(range(length))
    xs, targets = task.batch(np.random.default_rng(0), 5000)
    np.testing.assert_array_equal(xs, xs[0] + np.arange(steps)[:, None])  # windows of consecutive characters
    np.testing.assert_array_equal(targets, xs + 1)
    split = length * 9 // 10
    assert set(xs[0].tolist()) == set(range(split - steps))  # every start there is
    assert targets.max() == split - 1
    held_out = list(task.test())
    starts = np.concatenate([xs[0] for xs, _ in held_out]).tolist()
    assert starts == list(range(split, length - steps, steps))  # one after the other, none left out
    for xs, targets in held_out:
        assert 0 < xs.shape[1] <= 50
        np.testing.assert_array_equal(xs, xs[0] + np.arange(steps)[:, None])
        np.testing.assert_array_equal(targets, xs + 1)
        assert split <= xs.min() <= targets.max() < length


def test_of_a_long_text_five_hundred_windows_are_held_out_spread_over_the_test_part():
    task = Characters.of(places_text(20_000), steps=3)
    starts = np.concatenate([xs[0] for xs, _ in task.test()])
    assert [xs.shape[1] for xs, _ in task.test()] == [50] * 10
    assert len(set(starts.tolist())) == 500
    assert starts[0] == 18_000
    assert 20_000 - 2 * 3 <= starts[-1] + 3 < 20_000
    assert set(np.diff(starts).tolist()) == {3, 6}
    assert (np.diff(starts) >= 3).all()  # without overlap


def test_codes_are_places_in_the_alphabet():
    text = "hello, wörld"
    task = Characters.of(text * 20, steps=5)
    assert task.alphabet == "".join(sorted(set(text)))
    assert "".join(task.alphabet[code] for code in task.codes) == text * 20
    assert task.inputs == task.outputs == len(set(text))


def test_a_zero_is_a_character_like_others():
    task = Characters.of("a\0b" * 100, steps=5)
    assert task.alphabet == "\0ab"
    assert task.inputs == task.codes.max() + 1


def test_the_baseline_is_the_cross_entropy_of_the_test_text_under_the_training_text_s_frequencies():
    text = SENTENCE * 10 + "Zz" * 20  # Z does not occur where one trains
    task = Characters.of(text, steps=5)
    split = int(len(text) * 0.9)
    counts = Counter(text[:split])
    total = split + len(set(text))  # counted from one
    bits = [-math.log2((counts[character] + 1) / total) for character in text[split:]]
    assert "Z" in text[split:]
    assert counts["Z"] == 0
    assert task.baseline == pytest.approx(math.fsum(bits) / len(bits), rel=1e-12)


def test_the_score_is_in_bits():
    task = TASKS["characters"]
    for _, targets in task.test():
        total, count = task.score(np.zeros((*targets.shape, task.outputs)), targets)
        assert count == targets.size
        assert total / count == pytest.approx(math.log2(task.outputs), rel=1e-12)
        loss, _ = task.loss(np.zeros((*targets.shape, task.outputs)), targets)
        assert loss == pytest.approx(math.log(task.outputs), rel=1e-12)  # and the loss in nats


def test_characters_are_read_from_a_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("größer " * 30, encoding="utf-8")
    task = Characters.read(path, steps=4)
    assert task.source == "a.txt"
    assert task.steps == 4
    assert task.alphabet == " egrßö"
    assert "".join(task.alphabet[code] for code in task.codes) == "größer " * 30


def test_without_a_file_there_is_the_documentation():
    task = Characters.documentation(steps=50)
    assert len(task.codes) > 100_000
    assert {"a", " ", "\n"} <= set(task.alphabet)
    assert task.source == "CPython's documentation"
    assert 3 < task.baseline < math.log2(task.inputs)


def test_batches_of_characters_are_those_on_record():
    task = Characters.of(SENTENCE * 10, steps=8)
    assert digest(task.batch(np.random.default_rng(0), 100)) == "0781b860eebdf58e"
    assert digest(next(task.test())) == "fac0d33bda275603"


def test_texts_that_do_not_serve_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ValueError, match=r"^empty\.txt is empty$"):
        Characters.read(tmp_path / "empty.txt")
    with pytest.raises(ValueError, match=r"^text is empty$"):
        Characters.of("")
    (tmp_path / "short.txt").write_text("a b c")
    with pytest.raises(
        ValueError, match=r"^short\.txt has 5 characters; windows of 50 in each of its two parts need at least \d+$"
    ):
        Characters.read(tmp_path / "short.txt")
    (tmp_path / "latin.txt").write_bytes("größer".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8 text: byte 0xf6 at position 2$"):
        Characters.read(tmp_path / "latin.txt")
    with pytest.raises(FileNotFoundError):
        Characters.read(tmp_path / "missing.txt")
    with pytest.raises(ValueError, match=r"^steps must be at least 1; got 0$"):
        Characters.of(SENTENCE, steps=0)


def accepted(length, steps):
    try:
        Characters.of("ab" * length, steps=steps).batch(np.random.default_rng(0), 1)
    except ValueError:
        return False
    return True


def least_said(steps):
    with pytest.raises(ValueError, match="need at least") as caught:
        Characters.of("ab", steps=steps)
    return int(str(caught.value).rpartition(" ")[2])


@pytest.mark.parametrize("steps", [1, 5, 7, 50])
def test_as_many_characters_as_are_asked_for_do(steps):
    Characters.of("a" * least_said(steps), steps=steps)


@pytest.mark.parametrize("steps", [1, 5, 7, 50])
def test_no_more_characters_are_asked_for_than_are_needed(steps):
    with pytest.raises(ValueError, match="need at least"):
        Characters.of("a" * (least_said(steps) - 1), steps=steps)


# Writing


@pytest.fixture(scope="module")
def writer():
    """A task and a network that has learnt a little of it."""
    task = Characters.of(SENTENCE * 10, steps=8)
    network = models.build(np.random.default_rng(0), task, layer="gru", hidden=16, dtype=np.float64)
    return task, fit(network, task, updates=60, every=60, batch=16, lr=0.02).network


def test_samples_follow_the_seed_and_stay_in_the_alphabet(writer):
    task, network = writer
    texts = [task.sample(network, np.random.default_rng(seed), 200) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert [len(text) for text in texts] == [200] * 3
    assert set("".join(texts)) <= set(task.alphabet)
    assert task.sample(network, np.random.default_rng(0), 0) == ""


@pytest.mark.parametrize("start", ["t", "the l", "zzz"])
@pytest.mark.parametrize("temperature", [1e-6, 1e-300])
def test_as_the_temperature_goes_to_zero_the_likeliest_character_is_written(writer, start, temperature):
    task, network = writer
    text = start
    for _ in range(20):  # from the beginning every time: no state is carried
        codes = np.array([[task.alphabet.index(character)] for character in text])
        text += task.alphabet[int(np.argmax(network.forward(codes).ys[-1, 0]))]
    got = task.sample(network, np.random.default_rng(0), 20, start=start, temperature=temperature)
    assert start + got == text


def test_without_a_start_it_goes_on_from_the_text_s_first_character(writer):
    task, network = writer
    mine = task.sample(network, np.random.default_rng(0), 30, start="t")
    assert task.sample(network, np.random.default_rng(0), 30) == mine


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_characters_come_as_often_as_the_network_expects_them(temperature):
    task = Characters.of("abc" * 30, steps=3)
    logits = np.array([0.0, 1.0, 2.0])
    same_after_all = rl.Network((rl.Embedding(np.tile(logits, (3, 1))),), reads="every")  # whatever went before
    written = task.sample(same_after_all, np.random.default_rng(0), 4000, temperature=temperature)
    p = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    for character, share in zip("abc", p, strict=True):
        assert abs(written.count(character) - 4000 * share) <= 5 * math.sqrt(4000 * share * (1 - share))


def test_a_network_with_batch_norm_writes_by_its_running_statistics():
    task = Characters.of(SENTENCE * 10, steps=8)
    network = models.build(np.random.default_rng(0), task, hidden=8, batch_norm=True, dtype=np.float64)
    network = fit(network, task, updates=30, every=30, batch=16, lr=0.02).network
    wanted = task.sample(evaluating(network), np.random.default_rng(0), 50)
    assert task.sample(network, np.random.default_rng(0), 50) == wanted


def test_a_start_or_a_temperature_that_cannot_be_is_refused(writer):
    task, network = writer
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"^start must be characters of the text; got 'XY'$"):
        task.sample(network, rng, 5, start="YtXe")
    with pytest.raises(ValueError, match=r"^start must be characters of the text; got ''$"):
        task.sample(network, rng, 5, start="")
    for temperature in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"^temperature must be above 0; got {temperature}$"):
            task.sample(network, rng, 5, temperature=temperature)


@given(contents=st.binary(max_size=300), text=st.text(letters, max_size=200), as_text=st.booleans())
def test_any_bytes_are_a_text_or_are_refused_in_one_sentence(tmp_path_factory, contents, text, as_text):
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_bytes(text.encode("utf-8", "ignore") if as_text else contents)
    try:
        said = repr(Characters.read(path, steps=3).alphabet)
    except ValueError as refusal:
        said = str(refusal)
        assert "fuzz.txt" in said
    assert "\n" not in said


# Series


def test_a_series_wants_the_next_value_of_every_window_standardised_by_the_training_part():
    values = np.arange(100.0) ** 2
    task = Series(values, "squares", steps=5)
    train = values[:90]
    for xs, targets in (task.batch(np.random.default_rng(0), 7), *task.test()):
        there = np.concatenate([xs, targets[-1:]])[:, :, 0] * train.std() + train.mean()
        places = np.sqrt(np.maximum(there, 0)).round().astype(int)
        np.testing.assert_allclose(there, places**2, atol=1e-9 * values.max())
        assert (np.diff(places, axis=0) == 1).all()
    held_out = [place for xs, _ in task.test() for place in (xs[0, :, 0] * train.std() + train.mean()) ** 0.5]
    np.testing.assert_allclose(held_out, [90], rtol=1e-9)  # 90 … 99 hold one window of 5 and the value after it
    assert task.baseline == pytest.approx(np.square((values[91:] - train.mean()) / train.std()).mean(), rel=1e-12)


def test_the_default_series_is_mackey_and_glass_s():
    x = Series.mackey_glass(length=200, steps=5).values
    after = x[17:-1] + 0.2 * x[:-18] / (1 + x[:-18] ** 10) - 0.1 * x[17:-1]
    np.testing.assert_allclose(x[18:], after, rtol=1e-12)
    assert 0.2 < x.min() < 0.7 < 1.1 < x.max() < 1.5


@pytest.mark.parametrize(
    ("text", "column", "values"),
    [
        ("a,b\n1,x\n2,y\n3,z\n", None, [1, 2, 3]),
        ("\ufeffday,a,b\nMon,1,4\n\nTue,2,5\nWed,3,6\n", "b", [4, 5, 6]),
        ("1\n2\n3\n", None, [1, 2, 3]),
        ("1,4\n2,5\n3,6\n", "1", [4, 5, 6]),
        ('"a, b"\r\n1e3\r\n-2\r\n.5\r\n', "a, b", [1000, -2, 0.5]),
    ],
)
def test_a_column_of_a_csv_file_is_read(tmp_path, text, column, values):
    (tmp_path / "s.csv").write_text(text, encoding="utf-8", newline="")
    ((name, found),) = read_numbers(tmp_path / "s.csv", column).items()
    assert found.tolist() == values
    assert column in (None, name)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("a,b\n1,2\n", "c", "s.csv has no column c; it has a, b"),
        ("a,b\n1,2\n3,?\n", "b", "column b of s.csv has no number in row 2: '[?]'"),
        ("a\n1\nnan\n", "a", "column a of s.csv has no number in row 2: 'nan'"),
        ("a,b\n1,2\n3\n", "a", "column a of s.csv has no number in row 2: '1 cells'"),
        ("a;b\n1;2\n", None, "no column in which every cell is a number; its columns are a;b"),
        ("a,b\n1,2\n", None, "s.csv has several columns of numbers: choose one of a, b"),
        ("", None, "s.csv has no rows of numbers"),
        ("a\n", None, "s.csv has no rows of numbers"),
        ("a\n1\n2\n", None, "s.csv, column a has 2 values; windows of 3 in each of its two parts need at least 31"),
        ("a\n" + "7\n" * 40, None, "the first nine tenths of s.csv, column a are all 7: there is nothing to learn"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_refused(tmp_path, text, column, says):
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        Series.read(tmp_path / "s.csv", column=column, steps=3)


def test_a_csv_file_is_sequences_of_numbers_and_not_of_letters(tmp_path):
    rows = [f"{day},{day % 7},{2.0 * day}" for day in range(50)]
    (tmp_path / "s.csv").write_text("\n".join(["name,a,b", *[f"x{row}" for row in rows]]), encoding="utf-8")
    sequences = read(tmp_path / "s.csv", steps=10, batch=4)
    assert sequences.xs.shape == (10, 4, 2)
    assert sequences.source == "s.csv, standardised: a, b"
    b = (np.arange(100.0, step=2) - 49) / np.arange(100.0, step=2).std()
    np.testing.assert_allclose(sequences.xs[:, 0, 1], b[:10], rtol=1e-12)
    np.testing.assert_allclose(sequences.xs[:, -1, 1], b[-10:], rtol=1e-12)
    with pytest.raises(ValueError, match=r"s\.csv has 50 rows; 51 steps need at least 51"):
        read(tmp_path / "s.csv", steps=51)
