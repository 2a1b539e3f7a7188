"""Phonemes: log-mel features against sums written out, synthesis by held-out speakers, TIMIT read whole or refused."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlab.losses import softmax_cross_entropy
from rnnlab.tasks import Phonemes, formants, speech, timit

SMALL = {"steps": 40, "train": 6, "test": 3, "each": 4}


@pytest.fixture(scope="module")
def spoken():
    return Phonemes.synthesised(**SMALL)


# Features


def test_log_mel_is_what_the_sums_say():
    """One frame by explicit sums: pre-emphasis, window, DFT, triangles between neighbouring centres, logarithm."""
    wave = np.random.default_rng(0).standard_normal(speech.WINDOW + speech.HOP)
    sharp = np.array([wave[0], *(wave[n] - 0.97 * wave[n - 1] for n in range(1, len(wave)))])
    frame = sharp[speech.HOP :]
    window = [0.54 - 0.46 * np.cos(2 * np.pi * n / (len(frame) - 1)) for n in range(len(frame))]
    n = np.arange(len(frame))
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28) / 2595) - 1)
    for number in (0, 7, 25):
        energy = 0.0
        left, middle, right = (2595 * np.log10(1 + centres[number + k] / 700) for k in range(3))
        for k in range(257):
            spectrum = np.sum(frame * window * np.exp(-2j * np.pi * k * n / 512))
            place = 2595 * np.log10(1 + k * 16000 / 512 / 700)
            if left < place < right:
                weight = (place - left) / (middle - left) if place <= middle else (right - place) / (right - middle)
                energy += weight * abs(spectrum) ** 2
        assert speech.log_mel(wave)[1, number] == pytest.approx(np.log(energy + 1e-10), rel=1e-10)


def test_a_tone_is_loudest_in_the_filter_that_covers_it():
    for hertz in (300, 1000, 3000, 6000):
        wave = np.sin(2 * np.pi * hertz * np.arange(4000) / speech.RATE)
        loudest = speech.log_mel(wave).mean(axis=0).argmax()
        assert speech.filters()[loudest, round(hertz * 512 / speech.RATE)] > 0.4


def test_neighbouring_triangles_add_up_to_one():
    sums = speech.filters().sum(axis=0)
    edges = np.linspace(0, speech.mel(np.array(8000.0)), speech.FILTERS + 2)
    place = speech.mel(np.linspace(0, 8000, 257))
    between = (place >= edges[1]) & (place <= edges[-2])
    assert sums[between] == pytest.approx(np.ones(between.sum()), abs=1e-12)


def test_less_than_a_frame_is_refused():
    with pytest.raises(ValueError, match="at least 400 samples; got 399"):
        speech.log_mel(np.zeros(399))


# Synthesis


def test_the_same_seed_says_the_same(spoken):
    again, other = Phonemes.synthesised(**SMALL), Phonemes.synthesised(**SMALL, seed=1)
    assert np.array_equal(spoken.frames, again.frames)
    assert np.array_equal(spoken.test_labels, again.test_labels)
    assert not np.array_equal(spoken.labels, other.labels)


def test_labels_are_the_same_on_every_machine_and_features_to_a_tolerance(spoken):
    """Integers by hash; floats go through cos, exp and FFT, which differ in the last bits from one libm to another."""
    digest = hashlib.sha256(spoken.labels.tobytes() + spoken.test_labels.tobytes()).hexdigest()
    assert digest[:16] == "fc73f2ee36597c6e"
    assert spoken.frames[3, 10, :4] == pytest.approx(FRAME, abs=1e-6)
    assert spoken.test_frames.mean() == pytest.approx(TEST_MEAN, abs=1e-6)


FRAME = [0.9453942, 0.2841407, -0.1274032, -0.2990889]
TEST_MEAN = 0.0693810


def test_training_features_are_normalised_and_the_test_s_by_the_same(spoken):
    assert spoken.frames.mean(axis=(0, 1)) == pytest.approx(np.zeros(26), abs=1e-12)
    assert spoken.frames.std(axis=(0, 1)) == pytest.approx(np.ones(26), abs=1e-12)
    assert not np.allclose(spoken.test_frames.mean(axis=(0, 1)), 0, atol=1e-3)


APART = sorted(set(formants.NAMES[: formants.VOWELS]) - {"aa", "ao"})


@pytest.mark.parametrize("name", APART)
def test_a_vowel_s_formants_are_where_the_table_says(name):
    """The energy of two seconds at 100 Hz peaks within 60 Hz of F1 and of F2; those of aa and ao are too near."""
    frequencies = formants.PHONES[name][0]
    samples = 2 * speech.RATE
    wave = formants._pulses(np.random.default_rng(0), 100.0, 1, samples)
    for frequency, bandwidth in zip(frequencies, formants.BANDWIDTHS, strict=True):
        wave = formants._resonate(wave, np.full((1, samples), float(frequency)), bandwidth)
    hertz = np.fft.rfftfreq(samples, 1 / speech.RATE)
    energy = np.square(np.abs(np.fft.rfft(wave[0] * np.hanning(samples))))
    smooth = np.convolve(energy, np.ones(300), mode="same")  # 150 Hz: wider than from one harmonic to the next
    for frequency in frequencies[:2]:
        near = np.abs(hertz - frequency) < 170
        assert hertz[near][smooth[near].argmax()] == pytest.approx(frequency, abs=60)


def test_a_resonance_has_its_frequency_and_bandwidth():
    """The impulse response rings at the frequency and dies as exp(-π · bandwidth · t)."""
    impulse = np.zeros((1, 4000))
    impulse[0, 0] = 1
    wave = formants._resonate(impulse, np.full((1, 4000), 1000.0), 80.0)[0]
    assert np.abs(np.fft.rfft(wave)).argmax() * speech.RATE / 4000 == pytest.approx(1000, abs=10)
    envelope = [np.abs(wave[at : at + 160]).max() for at in (0, 1600)]
    assert envelope[1] / envelope[0] == pytest.approx(np.exp(-np.pi * 80 * 0.1), rel=0.05)


def test_silence_is_quieter_and_the_labels_lie_where_the_sounds_are(spoken):
    loud = spoken.frames.mean(axis=2)
    silent = spoken.labels == spoken.names.index("sil")
    assert loud[silent].mean() < loud[~silent].mean() - 0.5


def test_frames_tell_the_phoneme_but_not_all(spoken):
    flat, truth = spoken.frames.reshape(-1, 26), spoken.labels.ravel()
    present = np.unique(truth)
    means = np.stack([flat[truth == phone].mean(axis=0) for phone in present])
    test = spoken.test_frames.reshape(-1, 26)
    nearest = present[np.square(test[:, None] - means).sum(axis=2).argmin(axis=1)]
    error = 100 * np.mean(nearest != spoken.test_labels.ravel())
    assert 25 < error < 70 < spoken.baseline


def test_consonants_are_followed_by_vowels(spoken):
    changes = spoken.labels[:, 1:] != spoken.labels[:, :-1]
    before, after = spoken.labels[:, :-1][changes], spoken.labels[:, 1:][changes]
    assert (after[before >= formants.VOWELS] < formants.VOWELS).all()
    assert (after[before < formants.VOWELS] >= formants.VOWELS).any()


# The task


def test_batches_and_test_windows(spoken):
    xs, labels = spoken.batch(np.random.default_rng(2), 5)
    assert xs.shape == (40, 5, 26)
    chosen = np.random.default_rng(2).integers(24, size=5)
    assert np.array_equal(xs[:, 3], spoken.frames[chosen[3]])
    assert np.array_equal(labels[:, 3], spoken.labels[chosen[3]])
    assert sum(ys.size for _, ys in spoken.test()) == spoken.test_labels.size


def test_unlabelled_frames_count_neither_in_the_loss_nor_in_the_score(spoken):
    rng = np.random.default_rng(0)
    ys, targets = rng.standard_normal((4, 3, 16)), rng.integers(-1, 16, (4, 3))
    targets[0, 0], targets[1, 1] = -1, 5
    value, gradient = spoken.loss(ys, targets)
    rows, wanted = ys[targets >= 0], targets[targets >= 0]
    plain, plain_gradient = softmax_cross_entropy(rows, wanted)
    assert value == plain
    assert np.array_equal(gradient[targets >= 0], plain_gradient)
    assert not gradient[targets < 0].any()
    total, count = spoken.score(ys, targets)
    assert count == len(wanted)
    assert total == 100 * np.sum(rows.argmax(axis=1) != wanted)
    nothing, zero = spoken.loss(ys, np.full_like(targets, -1))
    assert nothing == 0
    assert not zero.any()


# TIMIT


def test_the_61_phones_fold_to_39_and_q_is_left_out():
    assert len(timit.FOLD) == 61
    assert len(timit.CLASSES) == 39
    assert set(timit.FOLD.values()) == {*range(39), timit.LEFT_OUT}
    folded = {phone: timit.CLASSES[number] for phone, number in timit.FOLD.items() if number >= 0}
    for phone, kind in {"zh": "sh", "ux": "uw", "axr": "er", "ix": "ih", "en": "n", "h#": "sil", "ao": "aa"}.items():
        assert folded[phone] == kind
    assert timit.FOLD["q"] == -1


SAMPLES = np.random.default_rng(0).integers(-3000, 3000, 1700)


def sphere(order: str = "01", **changes: str) -> bytes:
    fields = {
        "channel_count -i": "1",
        "sample_count -i": "1700",
        "sample_rate -i": "16000",
        "sample_n_bytes -i": "2",
        "sample_byte_format -s2": order,
        **{name.replace("__", " -"): value for name, value in changes.items()},
    }
    head = "NIST_1A\n   1024\n" + "".join(f"{name} {value}\n" for name, value in fields.items()) + "end_head\n"
    return head.encode().ljust(1024) + SAMPLES.astype({"01": "<i2", "10": ">i2"}[order]).tobytes()


def riff(rate: int = 16000, bits: int = 16, channels: int = 1, kind: int = 1) -> bytes:
    body = SAMPLES.astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * 2, 2, bits)
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks = form + extra + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


PHONES = "0 600 h#\n600 1000 sh\n1000 1200 q\n1200 1700 ix\n"


def corpus(folder: Path, wave: bytes = b"", phones: str | bytes = PHONES) -> Path:
    """A TIMIT of two sentences, one of them with damage if asked for."""
    for part, sound in (("TRAIN", wave or sphere()), ("TEST", riff())):
        speaker = folder / part / "DR1" / "FABC0"
        speaker.mkdir(parents=True, exist_ok=True)
        (speaker / "SX1.WAV").write_bytes(sound)
        text = phones if part == "TRAIN" else PHONES
        (speaker / "SX1.PHN").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_timit_is_read_and_cut_into_windows(tmp_path):
    task = Phonemes.read(corpus(tmp_path), steps=5)
    frames = (1700 - 400) // 160 + 1
    assert task.frames.shape == (2, 5, 26)
    assert task.outputs == 39
    phones = [
        timit.FOLD[["h#", "sh", "q", "ix"][np.searchsorted([600, 1000, 1200], 160 * n + 200, "right")]]
        for n in range(frames)
    ]
    assert task.labels.ravel().tolist() == [*phones, -1]
    assert not task.frames[1, 4].any()
    assert np.array_equal(task.frames[0], task.test_frames[0])  # the same samples as SPHERE and as RIFF


def test_frames_of_timit_have_mean_0_and_variance_1_over_the_training_part_alone(tmp_path):
    corpus(tmp_path)
    quieter = riff().replace(SAMPLES.astype("<i2").tobytes(), (SAMPLES // 2).astype("<i2").tobytes())
    (tmp_path / "TEST" / "DR1" / "FABC0" / "SX1.WAV").write_bytes(quieter)
    task = Phonemes.read(tmp_path, steps=3)  # three windows of nine frames, none of them filled up
    train, test = (
        speech.log_mel(speech.read_wave(tmp_path / part / "DR1" / "FABC0" / "SX1.WAV")) for part in ("TRAIN", "TEST")
    )
    mean = np.array([sum(train[:, k]) / 9 for k in range(26)])
    deviation = np.array([np.sqrt(sum((train[:, k] - mean[k]) ** 2) / 9) for k in range(26)])
    assert task.frames.reshape(9, 26) == pytest.approx((train - mean) / deviation, rel=1e-12, abs=1e-12)
    assert task.test_frames.reshape(9, 26) == pytest.approx((test - mean) / deviation, rel=1e-12, abs=1e-12)
    assert (task.test_frames < task.frames).all()


def test_both_byte_orders_and_both_formats_hold_the_same_samples(tmp_path):
    for name, contents in {"a": sphere("01"), "b": sphere("10"), "c": riff()}.items():
        (tmp_path / name).write_bytes(contents)
        assert np.array_equal(speech.read_wave(tmp_path / name) * 32768, SAMPLES)


def test_names_in_lower_case_doubled_suffixes_and_sa_sentences(tmp_path):
    speaker = corpus(tmp_path) / "TRAIN" / "DR1" / "FABC0"
    (speaker / "SX1.WAV").rename(speaker / "sx1.wav.wav")
    (speaker / "SX1.PHN").rename(speaker / "sx1.phn")
    (speaker / "SA1.WAV").write_bytes(b"not looked at")
    (tmp_path / "TEST").rename(tmp_path / "test")
    assert len(Phonemes.read(tmp_path, steps=9).frames) == 1


BAD_SOUNDS = {
    "empty": (b" ", "begins with neither NIST_1A nor RIFF"),
    "text": (PHONES.encode(), "begins with neither NIST_1A nor RIFF"),
    "cut short": (sphere()[:-1], "1,699 of 1,700 samples"),
    "cut in the header": (sphere()[:900], "its header has no end"),
    "no length": (b"NIST_1A\nhello\n", "its header is not text"),
    "shorten": (sphere(sample_coding__s26="pcm,embedded-shorten-v2.00"), "convert it to pcm first"),
    "8 kHz": (sphere(sample_rate__i="8000"), "8000 samples a second, not 16000"),
    "stereo": (sphere(channel_count__i="2"), "2 channels, not 1"),
    "one byte": (sphere(sample_n_bytes__i="1"), "1 bytes a sample"),
    "byte order": (sphere(sample_byte_format__s2="11"), "unknown sample_byte_format"),
    "lying": (sphere(sample_count__i="99999999999"), "1,700 of 99,999,999,999 samples"),
    "RIFF cut short": (riff()[:-2], "1,699 of 1,700 samples"),
    "RIFF stereo": (riff(channels=2), "2 channels"),
    "RIFF 8 bit": (riff(bits=8), "8 bits a sample"),
    "RIFF rate": (riff(rate=44100), "44100 samples a second"),
    "RIFF coded": (riff(kind=7), "7 as its format"),
    "RIFF without samples": (riff()[:36], "it has no samples"),
    "AVI": (b"RIFF\x00\x00\x00\x00AVI LIST", "it is RIFF, but not WAVE"),
}


@pytest.mark.parametrize("name", BAD_SOUNDS)
def test_a_bad_recording_is_refused_in_one_sentence(name, tmp_path):
    contents, says = BAD_SOUNDS[name]
    with pytest.raises(ValueError, match=says) as refusal:
        Phonemes.read(corpus(tmp_path, wave=contents))
    assert "SX1.WAV" in str(refusal.value)
    assert "\n" not in str(refusal.value)


BAD_LABELS = {
    "empty": ("", "has no phone labels"),
    "binary": (sphere(), "is not a text of phone labels"),
    "prose": ("she had your dark suit\n", "line 1: wanted 'begin end phone'"),
    "an unknown phone": (
        "0 600 h#\n600 900 xx\n",
        "line 2: wanted 'begin end phone' with a phone of TIMIT; got '600 900 xx'",
    ),
    "backwards": ("0 600 h#\n900 700 sh\n", "line 2: 900 … 700 does not follow 600"),
    "overlapping": ("0 600 h#\n500 700 sh\n", "line 2: 500 … 700 does not follow 600"),
    "beyond the end": ("0 1701 h#\n", "0 … 1701 does not follow 0 within the 1700 samples"),
    "fractions": ("0 60.5 h#\n", "wanted 'begin end phone'"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_bad_labels_are_refused_in_one_sentence(name, tmp_path):
    contents, says = BAD_LABELS[name]
    with pytest.raises(ValueError, match=says) as refusal:
        Phonemes.read(corpus(tmp_path, phones=contents))
    assert "SX1.PHN" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_partner_part_or_everything_is_named(tmp_path):
    speaker = corpus(tmp_path / "a") / "TRAIN" / "DR1" / "FABC0"
    (speaker / "SX1.PHN").rename(speaker / "SX2.PHN")
    with pytest.raises(ValueError, match=r"SX1.WAV has no labels \(.PHN\) beside it"):
        Phonemes.read(tmp_path / "a")
    (speaker / "SX1.WAV").unlink()
    with pytest.raises(ValueError, match=r"SX2.PHN has no recording \(.WAV\) beside it"):
        Phonemes.read(tmp_path / "a")
    (speaker / "SX2.PHN").unlink()
    with pytest.raises(ValueError, match="TRAIN has no recordings"):
        Phonemes.read(tmp_path / "a")
    with pytest.raises(ValueError, match="has no folder TRAIN"):
        Phonemes.read(speaker)
    with pytest.raises(FileNotFoundError):
        Phonemes.read(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


def loads_or_refuses(path: Path, read, contents: bytes) -> None:
    path.write_bytes(contents)
    try:
        said = str(len(read(path)))
    except ValueError as refusal:
        said = str(refusal)
        assert str(path) in said
    assert "\n" not in said


def labels_of(path: Path) -> np.ndarray:
    return timit.read_phones(path, 1700)


WHOLE = {
    "sphere": (speech.read_wave, sphere()),
    "riff": (speech.read_wave, riff()),
    "phones": (labels_of, PHONES.encode()),
}


@given(kind=st.sampled_from(sorted(WHOLE)), contents=st.binary(max_size=80), head=st.booleans())
def test_any_bytes_load_or_are_refused(fuzzed, kind, contents, head):
    read, whole = WHOLE[kind]
    loads_or_refuses(fuzzed, read, whole[:16] * head + contents)


@given(kind=st.sampled_from(sorted(WHOLE)), place=st.integers(0, 250), byte=st.integers(0, 255))
def test_any_changed_byte_loads_or_is_refused(fuzzed, kind, place, byte):
    read, whole = WHOLE[kind]
    changed = bytearray(whole)
    changed[place % len(whole)] = byte
    loads_or_refuses(fuzzed, read, bytes(changed))


@given(kind=st.sampled_from(["sphere", "riff"]), kept=st.integers(0, 1023))
def test_any_truncation_of_a_recording_is_refused(fuzzed, kind, kept):
    read, whole = WHOLE[kind]
    fuzzed.write_bytes(whole[: len(whole) * kept // 1024])
    with pytest.raises(ValueError, match="is not a whole 16-bit mono recording"):
        read(fuzzed)


@pytest.mark.parametrize("name", ["steps", "train", "test", "each"])
def test_sizes_under_one_are_refused(name):
    with pytest.raises(ValueError, match="must be at least 1"):
        Phonemes.synthesised(**{**SMALL, name: 0})
