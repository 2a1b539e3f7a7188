"""Pixels: drawn digits are seeded and from faces held out; MNIST's files are read whole or refused in one sentence."""

import gzip
import hashlib
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.ft2font import FT2Font

from deep import one_in
from rnnlab.models import build
from rnnlab.tasks import Pixels, digits, idx
from rnnlab.training import fit

SMALL = {"side": 14, "train": 300, "test": 120}


@pytest.fixture(scope="module")
def drawn():
    return Pixels.drawn(**SMALL)


def test_the_same_seed_draws_the_same_and_another_others(drawn):
    again, other = Pixels.drawn(**SMALL), Pixels.drawn(**SMALL, seed=1)
    assert np.array_equal(drawn.images, again.images)
    assert np.array_equal(drawn.test_labels, again.test_labels)
    assert not np.array_equal(drawn.labels, other.labels)


def test_the_labels_are_the_same_on_every_machine(drawn):
    """Integers by hash. Outlines are not: Matplotlib 3.9's and 3.11's FreeType differ by 1/64 in two italic faces."""
    assert drawn.labels.dtype == np.int64
    digest = hashlib.sha256(drawn.labels.tobytes() + drawn.test_labels.tobytes()).hexdigest()
    assert digest[:16] == "a847bafc332cdbbc"


def test_the_images_are_the_same_on_every_machine_to_a_tolerance(drawn):
    """Mean and spread of the pixels, and a coarse 2 × 2 picture of each of the first ten images, in 0 … 255."""
    assert drawn.images.mean() == pytest.approx(MEAN, abs=0.01)
    assert drawn.images.std() == pytest.approx(SPREAD, abs=0.01)
    coarse = drawn.images[:10].reshape(10, 2, 7, 2, 7).mean(axis=(2, 4)).reshape(10, 4)
    assert coarse == pytest.approx(np.array(COARSE), abs=0.2)


MEAN, SPREAD = 40.861, 64.908
COARSE = [
    [67.9, 69.8, 62.0, 65.1],
    [43.4, 26.0, 52.9, 29.9],
    [64.1, 41.4, 42.1, 32.6],
    [31.2, 80.6, 61.8, 55.4],
    [43.7, 66.5, 33.2, 58.6],
    [56.7, 47.0, 78.8, 51.1],
    [51.7, 45.8, 41.3, 39.2],
    [31.8, 30.3, 49.7, 40.0],
    [14.3, 28.5, 16.9, 44.2],
    [40.0, 40.6, 69.7, 59.2],
]


def test_no_face_of_the_test_is_trained_on_and_all_are_there():
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    assert not set(digits.TRAINING) & set(digits.TEST)
    assert len(set(digits.TRAINING + digits.TEST)) == len(digits.TRAINING) + len(digits.TEST)
    for face in digits.TRAINING + digits.TEST:
        assert (folder / f"{face}.ttf").exists()
        assert set(map(ord, "0123456789")) <= set(FT2Font(str(folder / f"{face}.ttf")).get_charmap())


@pytest.mark.parametrize("face", ["DejaVuSans", "STIXGeneral", "cmr10"])
def test_a_filled_glyph_is_what_freetype_draws(face):
    """Our scanlines against Matplotlib's own renderer (Agg), an independent filling of the same outline."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    glyphs = digits._filled(face)
    name = FontProperties(fname=Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf")
    paths = [TextPath((0, 0), str(digit), size=100, prop=name) for digit in range(10)]
    scale = digits.HEIGHT * digits.FINE / max(path.get_extents().height for path in paths)
    for glyph, path in zip(glyphs, paths, strict=True):
        figure = Figure(figsize=(1, 1), dpi=digits.FINE)
        box = path.get_extents()
        move = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2).scale(scale)
        move = move.translate(digits.FINE / 2, digits.FINE / 2)
        figure.add_artist(PathPatch(path, transform=move, fc="k", lw=0, snap=False))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        ink = 1 - np.asarray(canvas.buffer_rgba())[:, :, 0] / 255
        assert np.abs(glyph - ink).mean() < 0.02
        assert np.corrcoef(glyph.ravel(), ink.ravel())[0, 1] > 0.95


def test_the_digits_can_be_told_but_not_too_easily():
    """Least squares on whole images errs in 40 % of the default's; of fewer images it learns less."""
    task = Pixels.drawn(side=14, train=1500, test=500)
    xs, test = (images.reshape(len(images), -1) / 255 for images in (task.images, task.test_images))
    W = np.linalg.solve(xs.T @ xs + 10 * np.eye(196), xs.T @ np.eye(10)[task.labels])
    assert 10 < 100 * np.mean((test @ W).argmax(axis=1) != task.test_labels) < 60


def plain(images=(5, 4, 4), labels=(3, 1, 4, 1, 1), test_labels=(9, 1), **changes):
    arrays = {
        "images": np.zeros(images, np.uint8),
        "labels": np.array(labels),
        "test_images": np.zeros((2, 4, 4), np.uint8),
        "test_labels": np.array(test_labels),
    }
    return Pixels(**{**arrays, "source": "ours", **changes})


def test_the_baseline_is_the_test_error_of_the_digit_most_frequent_in_training():
    assert plain(test_labels=(9, 1)).baseline == 50
    assert plain(test_labels=(9, 9)).baseline == 100


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"images": (0, 4, 4), "labels": np.array([], int)}, "ours: training images must be square"),
        ({"images": (5, 4, 8)}, "ours: training images must be square"),
        ({"images": (5, 16)}, "ours: training images must be square"),
        ({"images": (5, 5, 5)}, "ours: test images must be 5 × 5"),
        ({"labels": (3, 1)}, r"ours: training labels must be \(5,\) to match"),
        ({"labels": ((3,), (1,), (4,), (1,), (1,))}, r"ours: training labels must be \(5,\) to match"),
        ({"test_labels": (3, 10)}, "ours: test labels must be in 0 … 9; got 3 … 10"),
        ({"test_labels": (-1, 3)}, "ours: test labels must be in 0 … 9; got -1 … 3"),
        ({"pixels_per_step": 3}, "pixels_per_step must divide the 16 pixels"),
        ({"pixels_per_step": 0}, "pixels_per_step must divide the 16 pixels"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        plain(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"test_images": np.zeros((2, 4, 4))}, "ours: test images must be an array of uint8; got float64"),
        ({"test_images": [[[0]]]}, "ours: test images must be an array of uint8; got list"),
        ({"labels": (3.0, 1.0, 4.0, 1.0, 5.0)}, "ours: training labels must be an array of integers; got float64"),
        ({"pixels_per_step": 2.0}, "pixels_per_step must be an integer; got 2.0"),
    ],
)
def test_arrays_of_another_type_are_refused(changes, says):
    with pytest.raises(TypeError, match=says):
        plain(**changes)


def test_sequences_are_the_pixels_row_by_row(drawn):
    xs, labels = next(iter(drawn.test()))
    assert xs.shape == (196, 120, 1)
    assert np.array_equal(np.rint(xs[:, 5, 0] * 255).reshape(14, 14), drawn.test_images[5])
    assert np.array_equal(labels, drawn.test_labels)
    xs, labels = drawn.batch(np.random.default_rng(3), 7)
    chosen = np.random.default_rng(3).integers(300, size=7)
    assert np.array_equal(labels, drawn.labels[chosen])
    assert np.array_equal(xs[:, :, 0].T * 255, drawn.images[chosen].reshape(7, -1))


def test_permuted_is_one_shuffle_of_the_same_images_in_training_and_test(drawn):
    permuted = Pixels.drawn(**SMALL, permuted=True)
    plain, shuffled = next(iter(drawn.test()))[0], next(iter(permuted.test()))[0]
    assert sorted(permuted.order) == list(range(196))
    assert not np.array_equal(plain, shuffled)
    assert np.array_equal(plain[permuted.order], shuffled)
    rng = np.random.default_rng
    assert np.array_equal(drawn.batch(rng(0), 4)[0][permuted.order], permuted.batch(rng(0), 4)[0])
    assert np.array_equal(drawn.test_labels, permuted.test_labels)


@pytest.mark.parametrize("together", [1, 2, 14, 196])
def test_several_pixels_a_step(together, drawn):
    task = Pixels.drawn(**SMALL, pixels_per_step=together)
    xs, _ = next(iter(task.test()))
    assert xs.shape == (task.steps, 120, task.inputs) == (196 // together, 120, together)
    plain, _ = next(iter(drawn.test()))
    assert np.array_equal(xs.transpose(1, 0, 2).reshape(120, -1), plain[:, :, 0].T)


def test_the_score_is_the_error_in_percent(drawn):
    logits = np.eye(10)[[3, 1, 4, 1]]
    total, count = drawn.score(logits, np.array([3, 1, 4, 2]))
    assert total / count == 25


# MNIST's files


def bytes_of(array: np.ndarray) -> bytes:
    magic = {3: idx.IMAGES, 1: idx.LABELS}[array.ndim]
    return struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes()


RNG = np.random.default_rng(0)
FILES = {
    "train-images-idx3-ubyte": bytes_of(RNG.integers(256, size=(5, 4, 4))),
    "train-labels-idx1-ubyte": bytes_of(np.array([3, 1, 4, 1, 5])),
    "t10k-images-idx3-ubyte": bytes_of(RNG.integers(256, size=(2, 4, 4))),
    "t10k-labels-idx1-ubyte": bytes_of(np.array([9, 2])),
}
NAMES = list(FILES)


def mnist(folder: Path, **changes: bytes) -> Path:
    for name, contents in {**FILES, **{name.replace("_", "-"): contents for name, contents in changes.items()}}.items():
        (folder / name).write_bytes(contents)
    return folder


def test_mnist_is_read_plain_and_zipped_and_under_its_other_name(tmp_path):
    mnist(tmp_path)
    task = Pixels.read(tmp_path)
    assert task.images.shape == (5, 4, 4)
    assert task.images.tobytes() == FILES[NAMES[0]][16:]
    assert task.test_labels.tolist() == [9, 2]
    for name in NAMES:
        (tmp_path / f"{name.replace('-idx', '.idx')}.gz").write_bytes(gzip.compress(FILES[name]))
        (tmp_path / name).unlink()
    again = Pixels.read(tmp_path, permuted=True, pixels_per_step=2)
    assert np.array_equal(again.images, task.images)
    assert again.steps == 8


def test_images_are_averaged_down(tmp_path):
    task, half = Pixels.read(mnist(tmp_path)), Pixels.read(tmp_path, side=2)
    assert half.images.shape == (5, 2, 2)
    assert half.images[1, 0, 1] == np.rint(task.images[1, :2, 2:].mean())
    with pytest.raises(ValueError, match="a side of 3 does not divide"):
        Pixels.read(tmp_path, side=3)


images, labels = FILES[NAMES[0]], FILES[NAMES[1]]
BAD = {
    "empty": ({"train_images_idx3_ubyte": b""}, "its header has 0 bytes of 16"),
    "cut in the header": ({"train_labels_idx1_ubyte": labels[:7]}, "its header has 7 bytes of 8"),
    "cut short": ({"train_images_idx3_ubyte": images[:-1]}, "it has 79 of 80 bytes"),
    "too long": ({"train_images_idx3_ubyte": images + b"x"}, "it has more than 80 bytes"),
    "swapped": ({"train_images_idx3_ubyte": labels + bytes(9)}, "which is that of labels: are two files swapped?"),
    "foreign": ({"t10k_images_idx3_ubyte": b"\x89PNG" * 9}, "its magic number is 0x89504e47, not 0x00000803"),
    "no images": ({"t10k_images_idx3_ubyte": bytes_of(np.zeros((0, 4, 4)))}, "its header says 0 × 4 × 4"),
    "lying": (
        {"t10k_images_idx3_ubyte": struct.pack(">4I", idx.IMAGES, 1 << 31, 28, 28)},
        "its header says 2147483648",
    ),
    "oblong": ({"t10k_images_idx3_ubyte": bytes_of(np.zeros((2, 4, 5)))}, "must be square"),
    "other size": (
        {"t10k_images_idx3_ubyte": bytes_of(np.zeros((2, 5, 5)))},
        "must be 4 × 4 like the training images",
    ),
    "mislabelled": ({"train_labels_idx1_ubyte": bytes_of(np.array([3, 1, 4, 1, 10]))}, "must be in 0 … 9; got 1 … 10"),
    "too few labels": ({"train_labels_idx1_ubyte": bytes_of(np.array([3, 1]))}, r"must be \(5,\) to match"),
    "labels of the other part": ({"t10k_labels_idx1_ubyte": labels}, r"must be \(2,\) to match"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_sentence(name, tmp_path):
    changes, says = BAD[name]
    with pytest.raises(ValueError, match=says) as refusal:
        Pixels.read(mnist(tmp_path, **changes))
    assert "\n" not in str(refusal.value)
    assert str(tmp_path / next(iter(changes)).replace("_", "-")) in str(refusal.value)


@pytest.mark.parametrize("side", [None, 2, 4])
def test_oblong_images_are_refused_before_they_are_averaged(side, tmp_path):
    oblong = {"train_images_idx3_ubyte": np.zeros((5, 4, 8)), "t10k_images_idx3_ubyte": np.zeros((2, 4, 8))}
    mnist(tmp_path, **{name: bytes_of(array) for name, array in oblong.items()})
    with pytest.raises(ValueError, match="must be square"):
        Pixels.read(tmp_path, side=side)


def test_a_missing_file_is_named(tmp_path):
    (mnist(tmp_path) / NAMES[3]).unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte"):
        Pixels.read(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "garbage", "flipped"])
def test_a_damaged_gz_is_refused(damage, tmp_path):
    packed = bytearray(gzip.compress(images))
    packed = {"cut": packed[:-9], "garbage": b"not gzip at all", "flipped": packed}[damage]
    if damage == "flipped":
        packed[-6] ^= 255  # in the checksum
    (mnist(tmp_path) / NAMES[0]).unlink()
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(packed)
    with pytest.raises(ValueError, match="is not a whole file of MNIST images") as refusal:
        Pixels.read(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_gz_is_unpacked_no_further_than_its_header_promises(tmp_path):
    bomb = gzip.compress(images + bytes(50_000_000), 1)
    (mnist(tmp_path) / NAMES[0]).unlink()
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="it has more than 80 bytes"):
            Pixels.read(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return mnist(tmp_path_factory.mktemp("fuzz"))


def loads_or_refuses(folder: Path, name: str, contents: bytes) -> None:
    (folder / name).write_bytes(contents)
    try:
        said = str(Pixels.read(folder).source)
    except ValueError as refusal:
        said = str(refusal)
    (folder / name).write_bytes(FILES[name])
    assert said.startswith(str(folder))
    assert "\n" not in said


@given(name=st.sampled_from(NAMES), contents=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(folder, name, contents):
    loads_or_refuses(folder, name, contents)


@given(name=st.sampled_from(NAMES), place=st.integers(0, 95), byte=st.integers(0, 255))
def test_any_changed_byte_loads_or_is_refused(folder, name, place, byte):
    contents = bytearray(FILES[name])
    contents[place % len(contents)] = byte
    loads_or_refuses(folder, name, bytes(contents))


PACKED = gzip.compress(images, mtime=0)


@pytest.fixture(scope="module")
def packed_folder(tmp_path_factory):
    folder = mnist(tmp_path_factory.mktemp("packed"))
    (folder / NAMES[0]).unlink()
    return folder


def unpacks_or_refuses(folder: Path, contents: bytes) -> None:
    (folder / f"{NAMES[0]}.gz").write_bytes(contents)
    try:
        said = str(Pixels.read(folder).source)
    except ValueError as refusal:
        said = str(refusal)
    assert said.startswith(str(folder))
    assert "\n" not in said


@given(contents=st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: PACKED[:10] + tail))
def test_any_bytes_unpack_or_are_refused(packed_folder, contents):
    unpacks_or_refuses(packed_folder, contents)


@given(place=st.integers(0, len(PACKED) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_of_a_gz_unpacks_or_is_refused(packed_folder, place, byte):
    unpacks_or_refuses(packed_folder, PACKED[:place] + bytes([byte]) + PACKED[place + 1 :])


def test_every_truncation_of_a_gz_is_refused(packed_folder):
    for kept in range(len(PACKED)):
        (packed_folder / f"{NAMES[0]}.gz").write_bytes(PACKED[:kept])
        with pytest.raises(ValueError, match="is not a whole file of MNIST images"):
            Pixels.read(packed_folder)


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_refused(folder, name):
    for kept in range(len(FILES[name])):
        (folder / name).write_bytes(FILES[name][:kept])
        with pytest.raises(ValueError, match="is not a whole file of MNIST"):
            Pixels.read(folder)
    (folder / name).write_bytes(FILES[name])


@pytest.mark.parametrize("options", [{"side": 3}, {"train": 0}, {"test": 0}, {"pixels_per_step": 3}])
def test_sizes_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError, match="must"):
        Pixels.drawn(**{**SMALL, **options})


# Standardised, and what an IRNN has of it


@pytest.mark.parametrize("words", [{}, {"permuted": True}, {"pixels_per_step": 14}])
def test_standardised_pixels_have_mean_0_and_variance_1_over_the_training_images(drawn, words):
    raw, task = replace(drawn, **words), replace(drawn, standardised=True, **words)
    everything = task._sequences(task.images)
    assert everything.mean() == pytest.approx(0, abs=1e-12)
    assert everything.std() == pytest.approx(1, rel=1e-12)
    for ours, theirs in ((task.batch, raw.batch), (lambda *_: next(task.test()), lambda *_: next(raw.test()))):
        (xs, labels), (as_they_are, same) = (make(np.random.default_rng(0), 30) for make in (ours, theirs))
        assert np.array_equal(labels, same)
        np.testing.assert_allclose(xs * drawn.images.std() / 255 + drawn.images.mean() / 255, as_they_are, atol=1e-14)


def test_pixels_that_are_all_alike_are_not_standardised(drawn):
    with pytest.raises(ValueError, match="pixels that are all alike cannot be standardised"):
        replace(drawn, images=np.full_like(drawn.images, 7), standardised=True)


@pytest.mark.parametrize("permuted", [False, True])
@pytest.mark.parametrize("seed", one_in(3, range(3)))
def test_irnn_units_with_w_below_0_are_dead_for_ever_on_pixels_as_they_are_and_live_on_standardised(
    drawn, seed, permuted
):
    """h[t] = ReLU(h[t-1] + w x[t]) from 0 with x ≥ 0 and w < 0 is 0 at every step, and so is its slope."""
    rng = np.random.default_rng(seed)
    for standardised in (False, True):
        task = replace(drawn, permuted=permuted, standardised=standardised)
        network = build(rng.spawn(1)[0], task, layer="irnn", hidden=100, dtype=np.float64)
        below = network.layers[0].W[0] < 0
        assert 35 < below.sum() < 65  # half of 100, give or take three standard deviations
        xs, labels = task.batch(np.random.default_rng(0), 32)
        trace = network.forward(xs)
        gradient = network.backward(trace, task.loss(trace.ys, labels)[1]).params.layers[0]
        on = (trace.layers[0].hs > 0).any(axis=(0, 1))
        assert np.array_equal(on, np.ones(100, bool) if standardised else ~below)
        assert np.array_equal(gradient.W[0] != 0, on)
        for array in (gradient.U, gradient.b[None]):
            assert np.array_equal(array.any(axis=0), on)

        trained = fit(network, task, updates=3, every=3, batch=8, lr=1e-2).network.layers[0]
        moved = (trained.W != network.layers[0].W)[0]
        assert np.array_equal(moved, on)  # what is dead stays as it was drawn
